/** The identities of the hub, as supply takes things away from them. */

import { parseRegistrationId, DpsError } from '@holdfast/dps'
import { type Cut, IdentityError, type IdentityKey, type Registry } from '@holdfast/identity'
import type { Provisioning } from '@holdfast/provisioning'
import type { OwnedDevices, SupplyStore } from '@holdfast/supply'
import type { Twins } from '@holdfast/twins'

export interface HubOwnedDevicesParts {
  readonly registry: Registry
  readonly provisioning: () => Provisioning
  readonly twins: Twins
  readonly store: Pick<SupplyStore, 'readOrigins'>
  /** Resolves when no session rests on the cuts. */
  readonly cutOff: (cuts: readonly Cut[]) => Promise<unknown>
}

export function hubOwnedDevices(parts: HubOwnedDevicesParts): OwnedDevices {
  const { registry, twins, store, cutOff } = parts

  const remintOne = async (key: IdentityKey, keepsKeys: boolean, actor: string): Promise<void> => {
    const identity = await registry.read(key)
    const kind = identity?.authentication.kind
    if (identity === undefined || kind === 'none') return
    const cuts =
      kind === 'sas' && keepsKeys
        ? [
            ...(await registry.regenerateKey(key, 'primary', actor)).cuts,
            ...(await registry.regenerateKey(key, 'secondary', actor)).cuts,
          ]
        : (await registry.update(key, { authentication: { kind: 'none' } }, actor)).cuts
    await cutOff(cuts)
  }

  return {
    read: (deviceId) => registry.read({ deviceId }),

    async remint(deviceId, { isBound }, actor): Promise<void> {
      await remintOne({ deviceId }, !isBound, actor)
      // Whoever had the device may know the keys of its modules.
      for (const { moduleId } of await registry.listModules(deviceId)) {
        if (moduleId !== undefined) await remintOne({ deviceId, moduleId }, true, actor)
      }
    },

    async unbind(deviceId, actor): Promise<void> {
      const { registrations, enrollments } = await store.readOrigins(deviceId)
      const provisioning = parts.provisioning()
      for (const id of enrollments.map(parseRegistrationId)) {
        if (id !== undefined) {
          await unlessGone(() => provisioning.enrollments.delete('individual', id, { kind: 'none' }, actor))
        }
      }
      for (const id of registrations.map(parseRegistrationId)) {
        if (id !== undefined) await unlessGone(() => provisioning.deleteRegistration(id, { kind: 'none' }, actor))
      }
    },

    async clearTags(deviceId, actor): Promise<void> {
      await twins.write({ deviceId }, { tags: { kind: 'replace', properties: '{}' } }, actor)
    },

    async delete(deviceId, generationId, actor): Promise<void> {
      const identity = await registry.read({ deviceId })
      // A successor under the same id is none of ours.
      if (identity?.generationId !== generationId) return
      try {
        const { cuts } = await registry.delete({ deviceId }, actor, { kind: 'etag', etag: identity.etag })
        await cutOff(cuts)
      } catch (error) {
        if (!(error instanceof IdentityError)) throw error
        if (error.code === 'missing') return
        if (error.code !== 'etag-mismatch') throw error
        // Changed in the same moment: once more, with what it is now.
        await this.delete(deviceId, generationId, actor)
      }
    },
  }
}

async function unlessGone(run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof DpsError) || !/not-found$/.test(error.code)) throw error
  }
}
