/** Whoever has not shown lately that it booted as it should reaches remediation only, where its policy says so. */

import type { AdmissionGate, GateVerdict } from '@holdfast/admission'
import type { Attestations } from '@holdfast/attestation'
import type { IdentityKey } from '@holdfast/identity'

/** Modules stand as their device does, for they run on what it booted. */
export function attestationGate(
  attestations: Pick<Attestations, 'decide'>,
  generationOf: (key: IdentityKey) => Promise<string | undefined>,
): AdmissionGate {
  return {
    name: 'attestation',
    judge: ({ key, generationId }) => {
      const verdict = attestations.decide({ deviceId: key.deviceId, generationId })
      if (key.moduleId === undefined || verdict.kind === 'pass') return gateVerdict(verdict)
      return generationOf({ deviceId: key.deviceId }).then((generation) =>
        gateVerdict(attestations.decide({ deviceId: key.deviceId, generationId: generation ?? '' })),
      )
    },
  }
}

function gateVerdict(verdict: ReturnType<Attestations['decide']>): GateVerdict {
  if (verdict.kind === 'pass') return verdict
  const { code, detail } = verdict
  return { kind: 'restrict', lane: 'remediation', code, detail, stopsRenewal: true }
}
