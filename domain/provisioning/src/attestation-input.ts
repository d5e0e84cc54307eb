/** How an enrolment's attestation comes from what a client wrote, and what is shown of it. */

import {
  type AttestationInput,
  type AttestationOutput,
  type CertificateInput,
  DpsError,
  type TpmAttestationInput,
} from '@holdfast/dps'
import { TpmError, type TpmPublic, publicKeyOf } from '@holdfast/tpm'
import { KEY_BYTES } from './limits.ts'
import type { CertificateFacts, CertificateRules, RandomBytes } from './ports.ts'
import type { Attestation } from './store.ts'
import { checkedEndorsementKey, checkedStorageRootKey } from './tpm-proof.ts'

/**
 * Completes what a client wrote: absent keys are made or kept, certificates become DER.
 * @throws DpsError `bad-request`.
 */
export function attestationFrom(
  input: AttestationInput,
  context: {
    readonly current: Attestation | undefined
    readonly random: RandomBytes
    readonly rules: CertificateRules
  },
): Attestation {
  const { current, random, rules } = context
  if (input.kind === 'symmetricKey') {
    const kept = current?.kind === 'symmetricKey' ? current : undefined
    return {
      kind: 'symmetricKey',
      primaryKey: input.primaryKey ?? kept?.primaryKey ?? newKey(random),
      secondaryKey: input.secondaryKey ?? kept?.secondaryKey ?? newKey(random),
    }
  }
  if (input.kind === 'tpm') return tpmFrom(input, rules)
  const kept = current?.kind === 'x509' ? current : undefined
  const name = input.use === 'client' ? 'clientCertificates' : 'signingCertificates'
  const path = `attestation.x509.${name}`
  const mustIssue = input.use === 'signing'
  const primary = certificateFrom(input.primary, kept?.primary, {
    path: `${path}.primary.certificate`,
    mustIssue,
    rules,
  })
  if (input.secondary === undefined) return { kind: 'x509', primary }
  const secondary = certificateFrom(input.secondary, kept?.secondary, {
    path: `${path}.secondary.certificate`,
    mustIssue,
    rules,
  })
  return { kind: 'x509', primary, secondary }
}

/** Without keys and certificates. */
export function attestationOutput(rules: CertificateRules, attestation: Attestation): AttestationOutput {
  if (attestation.kind === 'symmetricKey') return { kind: 'symmetricKey' }
  if (attestation.kind === 'tpm') {
    const { endorsementCertificate: bundle, ...keys } = attestation
    return bundle === undefined ? keys : { ...keys, endorsementCertificate: rules.formatBundle(bundle) }
  }
  const primary = factsOf(rules, attestation.primary)
  if (attestation.secondary === undefined) return { kind: 'x509', primary }
  return { kind: 'x509', primary, secondary: factsOf(rules, attestation.secondary) }
}

function tpmFrom(input: TpmAttestationInput, rules: CertificateRules): Attestation {
  const { endorsementCertificate: text, ...keys } = input
  const area = checkedEndorsementKey(keys.endorsementKey, 'attestation.tpm.endorsementKey')
  if (keys.storageRootKey !== undefined) checkedStorageRootKey(keys.storageRootKey, 'attestation.tpm.storageRootKey')
  const path = 'attestation.tpm.endorsementCertificate'
  const spki = spkiFrom(area)
  if (text === undefined) return keys
  const endorsementCertificate = rules.decodeBundle(text)
  if (endorsementCertificate === undefined) {
    throw badCertificate(path, 'is no X.509 certificate as PEM or base64 of DER')
  }
  // Told now: with another TPM's certificate the device could never come in.
  if (!rules.isOfKey(endorsementCertificate, spki)) throw badCertificate(path, 'is not of the endorsement key')
  return { ...keys, endorsementCertificate }
}

function spkiFrom(area: TpmPublic): Uint8Array {
  try {
    return publicKeyOf(area).export({ type: 'spki', format: 'der' })
  } catch (error) {
    if (error instanceof TpmError) throw badCertificate('attestation.tpm.endorsementKey', 'is no key')
    throw error
  }
}

function certificateFrom(
  input: CertificateInput,
  kept: Uint8Array | undefined,
  { path, mustIssue, rules }: { readonly path: string; readonly mustIssue: boolean; readonly rules: CertificateRules },
): Uint8Array {
  if (input.kind === 'kept') {
    if (kept === undefined) throw badCertificate(path, 'is missing, and there is none on record')
    return kept
  }
  const certificate = rules.decode(input.text)
  const facts = certificate && rules.facts(certificate)
  if (certificate === undefined || facts === undefined) {
    throw badCertificate(path, 'is no X.509 certificate as PEM, base64 of PEM or base64 of DER')
  }
  // No device could ever come in by it; told now, not by refusals that nobody can explain.
  if (mustIssue && !facts.mayIssue)
    throw badCertificate(path, 'is not of an authority (CA), so it can sign for no device')
  return certificate
}

function factsOf(rules: CertificateRules, certificate: Uint8Array): CertificateFacts {
  const facts = rules.facts(certificate)
  // It was checked when it was taken in.
  if (facts === undefined) throw new TypeError('an enrolment holds a certificate that cannot be read')
  return facts
}

function newKey(random: RandomBytes): string {
  return Buffer.from(random(KEY_BYTES)).toString('base64')
}

function badCertificate(path: string, message: string): DpsError {
  return new DpsError('bad-request', `${path}: ${message}.`, { faults: [{ path, message }] })
}
