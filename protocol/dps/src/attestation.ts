/** `attestation` of an enrolment: how a device shall prove itself (azure-iot.md §7). */

import { isKey } from '@holdfast/tokens'
import type { FieldReader } from './field-reader.ts'
import { CERTIFICATE_CHARACTERS_MAX, ENDORSEMENT_CHARACTERS_MAX } from './limits.ts'
import { readTpmKey } from './tpm-key.ts'

/** What a client wrote: keys and certificates may be left out where those on record shall stay. */
export type AttestationInput =
  /** Base64 of 16 to 64 bytes; an absent key is generated, or kept. */
  | { readonly kind: 'symmetricKey'; readonly primaryKey?: string; readonly secondaryKey?: string }
  /**
   * `primary` and `secondary`: PEM, base64 of PEM or base64 of DER, not parsed here. Without a certificate but named
   * (a document that the service gave out has `info` in its place): the one on record stays.
   */
  | {
      readonly kind: 'x509'
      readonly use: 'client' | 'signing'
      readonly primary: CertificateInput
      readonly secondary?: CertificateInput
    }
  | TpmAttestationInput

/** Individual only, as in Azure: a key of one TPM proves one device. */
export interface TpmAttestationInput {
  readonly kind: 'tpm'
  /** TPM2B_PUBLIC. */
  readonly endorsementKey: Uint8Array
  /** TPM2B_PUBLIC; absent: whichever the TPM of the endorsement key has. */
  readonly storageRootKey?: Uint8Array
  /** Ours. PEM of the certificate and of those between it and its manufacturer's root, or base64 of it; not parsed here. */
  readonly endorsementCertificate?: string
  /** Ours: whether a certificate has to prove the key to be of a trusted manufacturer. */
  readonly requireEndorsementCertificate?: boolean
}

export type CertificateInput = { readonly kind: 'given'; readonly text: string } | { readonly kind: 'kept' }

/** Reads `attestation`; undefined when there was a fault, which goes to the reader. */
export function readAttestation(reader: FieldReader, scope: 'individual' | 'group'): AttestationInput | undefined {
  const attestation = reader.object('attestation')
  if (attestation === undefined) {
    if (!reader.has('attestation')) reader.fault('attestation', 'is missing')
    return undefined
  }
  const type = attestation.choice('type', ['symmetricKey', 'x509', 'tpm', 'none'])
  switch (type) {
    case 'symmetricKey':
      return symmetricKeyOf(attestation)
    case 'x509':
      return x509Of(attestation, scope)
    case 'tpm':
      if (scope === 'individual') return tpmOf(attestation)
      attestation.fault('type', 'tpm is for individual enrolments: every TPM has a key of its own')
      return undefined
    case 'none':
      attestation.fault('type', 'none lets every device in and is not offered')
      return undefined
    case undefined:
      if (!attestation.has('type')) attestation.fault('type', 'is missing')
      return undefined
  }
}

function tpmOf(attestation: FieldReader): AttestationInput | undefined {
  const tpm = attestation.object('tpm')
  if (tpm === undefined) {
    if (!attestation.has('tpm')) attestation.fault('tpm', 'is missing')
    return undefined
  }
  const endorsementKey = readTpmKey(tpm, 'endorsementKey', 'required')
  const storageRootKey = readTpmKey(tpm, 'storageRootKey', 'optional')
  const endorsementCertificate = tpm.string('endorsementCertificate', ENDORSEMENT_CHARACTERS_MAX)
  const isRequired = tpm.boolean('requireEndorsementCertificate')
  if (endorsementKey === undefined) return undefined
  return {
    kind: 'tpm',
    endorsementKey,
    ...(storageRootKey !== undefined && { storageRootKey }),
    ...(endorsementCertificate !== undefined && endorsementCertificate !== '' && { endorsementCertificate }),
    ...(isRequired !== undefined && { requireEndorsementCertificate: isRequired }),
  }
}

function symmetricKeyOf(attestation: FieldReader): AttestationInput | undefined {
  const keys = attestation.object('symmetricKey')
  if (keys === undefined) return attestation.has('symmetricKey') ? undefined : { kind: 'symmetricKey' }
  const primaryKey = keyOf(keys, 'primaryKey')
  const secondaryKey = keyOf(keys, 'secondaryKey')
  return {
    kind: 'symmetricKey',
    ...(primaryKey !== undefined && { primaryKey }),
    ...(secondaryKey !== undefined && { secondaryKey }),
  }
}

/** An empty key is an absent one: SDKs write it so for "generate one". */
function keyOf(keys: FieldReader, name: string): string | undefined {
  const key = keys.string(name, CERTIFICATE_CHARACTERS_MAX)
  if (key === undefined || key === '') return undefined
  if (isKey(key)) return key
  keys.fault(name, 'is base64 of 16 to 64 bytes')
  return undefined
}

function x509Of(attestation: FieldReader, scope: 'individual' | 'group'): AttestationInput | undefined {
  const x509 = attestation.object('x509')
  if (x509 === undefined) {
    if (!attestation.has('x509')) attestation.fault('x509', 'is missing')
    return undefined
  }
  if (x509.has('caReferences')) {
    x509.fault('caReferences', 'is not offered by this service yet; give the certificate as signingCertificates')
  }
  const use = scope === 'individual' ? 'client' : 'signing'
  const name = scope === 'individual' ? 'clientCertificates' : 'signingCertificates'
  const other = scope === 'individual' ? 'signingCertificates' : 'clientCertificates'
  if (x509.has(other)) x509.fault(other, `does not belong to this kind of enrolment, which has ${name}`)
  const certificates = x509.object(name)
  if (certificates === undefined) {
    if (!x509.has(name) && !x509.has('caReferences')) x509.fault(name, 'is missing')
    return undefined
  }
  const primary = certificateOf(certificates, 'primary')
  const secondary = certificateOf(certificates, 'secondary')
  if (primary === undefined) {
    if (!certificates.has('primary')) certificates.fault('primary', 'is missing')
    return undefined
  }
  return secondary === undefined ? { kind: 'x509', use, primary } : { kind: 'x509', use, primary, secondary }
}

function certificateOf(certificates: FieldReader, name: 'primary' | 'secondary'): CertificateInput | undefined {
  const slot = certificates.object(name)
  if (slot === undefined) return undefined
  const text = slot.string('certificate', CERTIFICATE_CHARACTERS_MAX)
  if (text !== undefined && text !== '') return { kind: 'given', text }
  if (slot.has('info')) return { kind: 'kept' }
  if (text === '' || !slot.has('certificate')) slot.fault('certificate', 'is missing')
  return undefined
}
