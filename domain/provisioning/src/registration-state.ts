/** Registrations as the documents show them. */

import type { AttestationResult, RegistrationState } from '@holdfast/dps'
import type { Attested } from './claim.ts'
import type { CertificateRules } from './ports.ts'
import type { Registration } from './store.ts'

export interface StateFormat {
  /** Host name of the hub, as devices connect to it. */
  readonly assignedHub: string
  readonly certificates: CertificateRules
}

/**
 * @param attested what the device proved just now; the service side sees a registration without it.
 * @param activation the blob by which a TPM takes in its device's key.
 */
export function stateOf(
  format: StateFormat,
  registration: Registration,
  attested?: Attested,
  activation?: Uint8Array,
): RegistrationState {
  const { deviceId, substatus } = registration
  const attestation = attested === undefined ? undefined : attestationOf(format.certificates, attested, activation)
  return {
    registrationId: registration.registrationId,
    status: registration.status,
    createdTime: registration.createdTime,
    updatedTime: registration.updatedTime,
    etag: registration.etag,
    ...(registration.status === 'assigned' && {
      assignment: { assignedHub: format.assignedHub, deviceId, substatus },
    }),
    ...(registration.status === 'failed' && {
      error: { code: registration.errorCode ?? 0, message: registration.errorMessage ?? '' },
    }),
    ...(attestation !== undefined && { attestation }),
  }
}

function attestationOf(
  rules: CertificateRules,
  attested: Attested,
  activation: Uint8Array | undefined,
): AttestationResult | undefined {
  const { enrollment, proof } = attested
  const group = enrollment.scope === 'group' ? { enrollmentGroupId: enrollment.id } : {}
  if (proof.kind === 'tpm') return { kind: 'tpm', ...(activation !== undefined && { authenticationKey: activation }) }
  // An individual enrolment by key has nothing to tell.
  if (proof.kind === 'symmetricKey')
    return enrollment.scope === 'group' ? { kind: 'symmetricKey', ...group } : undefined
  const leaf = proof.certificate.chain[0]
  const certificate = leaf === undefined ? undefined : rules.facts(leaf)
  if (certificate === undefined) return undefined
  const signingCertificate = proof.signingCertificate === undefined ? undefined : rules.facts(proof.signingCertificate)
  return { kind: 'x509', certificate, ...group, ...(signingCertificate !== undefined && { signingCertificate }) }
}
