/** A device that is not far enough in its life, or at its end, or not what its model asks. */

import type { AdmissionGate, ConnectionFacts, GateVerdict } from '@holdfast/admission'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { identitySubject } from '@holdfast/identity'
import type { Models } from '@holdfast/models'
import { type DeviceLife, judgeLife, type Lives } from '@holdfast/supply'

export interface LifeGateParts {
  readonly lives: Pick<Lives, 'written'>
  readonly models: Models
  /** Of the generation of a module's device. */
  readonly generationOf: (deviceId: string) => Promise<string | undefined>
  readonly clock: Clock
  /** Bounded in their rate. */
  readonly events: EventSink
}

export function lifeGate(parts: LifeGateParts): AdmissionGate {
  const { lives, models, events, clock, generationOf } = parts

  const judge = (life: DeviceLife | undefined, facts: ConnectionFacts, generationId: string): GateVerdict => {
    const requirements = life?.model === undefined ? undefined : models.requirements(life.model)
    const isModule = facts.key.moduleId !== undefined
    const verdict = judgeLife(life, requirements, { generationId, basis: facts.basis, isModule })
    return verdict.kind === 'restrict' ? { ...verdict, lane: 'remediation' } : verdict
  }

  return {
    name: 'life',

    judge(facts): GateVerdict | Promise<GateVerdict> {
      const { deviceId, moduleId } = facts.key
      const life = lives.written(deviceId)
      if (moduleId === undefined && !(life instanceof Promise)) return judge(life, facts, facts.generationId)
      return (async () => {
        const generation = moduleId === undefined ? facts.generationId : await generationOf(deviceId)
        return judge(await life, facts, generation ?? '')
      })()
    },

    admitted(facts): void {
      const life = lives.written(facts.key.deviceId)
      if (facts.modelId === undefined || facts.key.moduleId !== undefined || life instanceof Promise) return
      // What a device says of itself counts for nothing; that it says something else than is known is worth knowing.
      const model = life?.model === undefined ? undefined : models.read(life.model)
      if (model?.announces === undefined || model.announces.includes(facts.modelId)) return
      events({
        type: 'device.model-mismatch',
        at: clock.wall(),
        subject: identitySubject(facts.key),
        actor: identitySubject(facts.key),
        detail: { model: model.id, announced: facts.modelId.slice(0, 256).replace(/[^\x21-\x7e]/g, '?') },
      })
    },
  }
}
