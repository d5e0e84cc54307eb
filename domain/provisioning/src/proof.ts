/** Whether a credential meets an enrolment. Functions of their arguments; the enrolment's status is not looked at. */

import type { Timestamp } from '@holdfast/base'
import { type RegistrationId, parseRegistrationId } from '@holdfast/dps'
import {
  EXPIRY_SKEW_MS,
  type SasToken,
  TokenError,
  coversRegistration,
  deriveDeviceKey,
  isExpired,
  parseSasToken,
  resourceOf,
  verifySasToken,
} from '@holdfast/tokens'
import { type Denied, type PresentedCertificate, type Proof, type RegistrationClaim, denied } from './claim.ts'
import { CHAIN_CERTIFICATES_MAX } from './limits.ts'
import type { CertificateRules } from './ports.ts'
import type { Attestation, Enrollment } from './store.ts'

export interface Proved {
  readonly kind: 'proved'
  readonly enrollment: Enrollment
  readonly proof: Proof
  readonly expires: Timestamp
}

export type TpmEnrollment = Enrollment & { readonly attestation: Extract<Attestation, { kind: 'tpm' }> }

export function isTpmEnrollment(enrollment: Enrollment): enrollment is TpmEnrollment {
  return enrollment.attestation.kind === 'tpm'
}

/** The policy name under which every SDK signs (azure-iot.md §6); some tools leave it out. */
const POLICY = 'registration'

/**
 * Proves by a token, against the individual enrolment or else the groups.
 * @param context.decoy a key nobody has: verified where there is no enrolment, so that time does not tell ids.
 */
export function proveByToken(
  text: string,
  candidates: readonly Enrollment[],
  context: {
    readonly claim: RegistrationClaim
    readonly idScope: string
    readonly now: Timestamp
    readonly decoy: string
    /** Proves by the activation that a TPM enrolment asks for. */
    readonly activated: (token: SasToken, enrollment: TpmEnrollment) => Extract<Proof, { kind: 'tpm' }> | Denied
  },
): Proved | Denied {
  let token: SasToken
  try {
    token = parseSasToken(text)
  } catch (error) {
    if (error instanceof TokenError) return denied('token-malformed', `${error.message} (${error.code})`)
    throw error
  }
  const { claim, idScope, now, decoy } = context
  // What the token says of itself comes first: it tells nothing of enrolments, and a group costs four HMACs.
  if (token.policyName !== undefined && token.policyName !== POLICY) {
    return denied('wrong-audience', `the token names a policy other than ${POLICY}`)
  }
  if (!coversClaim(token, { idScope, registrationId: claim.registrationId })) {
    return denied('wrong-audience', 'the token is for another registration or id scope')
  }
  if (isExpired(token, now, EXPIRY_SKEW_MS)) {
    return denied('token-expired', `expired at ${new Date(token.expires).toISOString()}`)
  }
  const [first] = candidates
  if (first !== undefined && isTpmEnrollment(first)) {
    const proof = context.activated(token, first)
    return proof.kind === 'denied' ? proof : { kind: 'proved', enrollment: first, proof, expires: token.expires }
  }
  const found = signerOf(token, candidates, claim.registrationId)
  if (found === undefined) {
    verifySasToken(token, decoy)
    if (candidates.length === 0) return denied('not-enrolled', 'no enrolment knows this registration id')
    if (candidates.every((one) => one.attestation.kind !== 'symmetricKey')) {
      return denied('wrong-credential-kind', 'the enrolment asks for a certificate, a token was shown')
    }
    return denied('wrong-signature', 'not signed by a key of the enrolment, or one derived from a group')
  }
  return { kind: 'proved', ...found, expires: token.expires }
}

/** Proves by the certificate of the TLS connection, against the individual enrolment or else the groups. */
export function proveByCertificate(
  certificate: PresentedCertificate,
  candidates: readonly Enrollment[],
  context: { readonly id: RegistrationId; readonly now: Timestamp; readonly rules: CertificateRules },
): Proved | Denied {
  const { id, now, rules } = context
  const x509 = candidates.filter((one) => one.attestation.kind === 'x509')
  if (candidates.length === 0) return denied('not-enrolled', 'no enrolment knows this registration id')
  if (x509.length === 0)
    return denied('wrong-credential-kind', 'the enrolment asks for a key or a TPM, a certificate was shown')
  const isIndividual = candidates[0]?.scope === 'individual'
  const found = isIndividual ? sameLeaf(certificate, x509) : closestGroup(certificate, x509, now, rules)
  if (found.kind === 'denied') return found
  // azure-iot.md §6: the registration id is the leaf's common name.
  if (parseRegistrationId(certificate.commonName) !== id) {
    return denied('common-name-differs', "the certificate's common name is not the registration id")
  }
  if (now + EXPIRY_SKEW_MS < certificate.notBefore) {
    return denied('certificate-not-yet-valid', `valid from ${new Date(certificate.notBefore).toISOString()}`)
  }
  if (now >= certificate.notAfter) {
    return denied('certificate-expired', `expired at ${new Date(certificate.notAfter).toISOString()}`)
  }
  return found
}

/** Whose key signed. An enabled enrolment goes before a disabled one with the same key. */
function signerOf(
  token: SasToken,
  candidates: readonly Enrollment[],
  registrationId: string,
): Pick<Proved, 'enrollment' | 'proof'> | undefined {
  let found: Pick<Proved, 'enrollment' | 'proof'> | undefined
  for (const enrollment of candidates) {
    if (enrollment.attestation.kind !== 'symmetricKey') continue
    const { primaryKey, secondaryKey } = deviceKeys(enrollment, enrollment.attestation, registrationId)
    // Both are always tried, so that every refusal takes the same work.
    const isPrimary = verifySasToken(token, primaryKey)
    const isSecondary = verifySasToken(token, secondaryKey)
    if (!isPrimary && !isSecondary) continue
    const proof: Proof = { kind: 'symmetricKey', primaryKey, secondaryKey }
    if (found === undefined || found.enrollment.status === 'disabled') found = { enrollment, proof }
  }
  return found
}

/** Base64: the keys by which the enrolment proves a registration, as its id is written; undefined without such keys. */
export function symmetricKeysOf(
  enrollment: Enrollment,
  registrationId: string,
): { readonly primaryKey: string; readonly secondaryKey: string } | undefined {
  if (enrollment.attestation.kind !== 'symmetricKey') return undefined
  const { primaryKey, secondaryKey } = deviceKeys(enrollment, enrollment.attestation, registrationId)
  return { primaryKey, secondaryKey }
}

function deviceKeys(
  enrollment: Enrollment,
  keys: Extract<Attestation, { kind: 'symmetricKey' }>,
  registrationId: string,
): { readonly primaryKey: string; readonly secondaryKey: string } {
  if (enrollment.scope === 'individual') return keys
  return {
    primaryKey: deriveDeviceKey(keys.primaryKey, registrationId),
    secondaryKey: deriveDeviceKey(keys.secondaryKey, registrationId),
  }
}

function coversClaim(token: SasToken, target: { readonly idScope: string; readonly registrationId: string }): boolean {
  try {
    return coversRegistration(resourceOf(token.resource), target)
  } catch (error) {
    if (error instanceof TokenError) return false
    throw error
  }
}

function sameLeaf(certificate: PresentedCertificate, enrollments: readonly Enrollment[]): Proved | Denied {
  const leaf = certificate.chain[0]
  for (const enrollment of enrollments) {
    if (enrollment.attestation.kind !== 'x509' || leaf === undefined) continue
    const { primary, secondary } = enrollment.attestation
    const isEnrolled = Buffer.compare(leaf, primary) === 0 || (secondary && Buffer.compare(leaf, secondary) === 0)
    if (isEnrolled) return proved(enrollment, { kind: 'x509', certificate })
  }
  return denied('certificate-unknown', `the enrolment names another certificate than ${certificate.sha256}`)
}

/**
 * The group whose authority stands closest to the leaf. It alone decides: a group of an intermediate that is disabled
 * shuts its devices out though the group of the root above is enabled.
 */
function closestGroup(
  certificate: PresentedCertificate,
  groups: readonly Enrollment[],
  now: Timestamp,
  rules: CertificateRules,
): Proved | Denied {
  const chain = certificate.chain.slice(0, CHAIN_CERTIFICATES_MAX)
  let closest: { readonly depth: number; readonly proved: Proved } | undefined
  let refusal = denied('chain-untrusted', 'no group has an authority of this chain')
  for (const enrollment of groups) {
    if (enrollment.attestation.kind !== 'x509') continue
    const { primary, secondary } = enrollment.attestation
    for (const anchor of secondary === undefined ? [primary] : [primary, secondary]) {
      const verdict = rules.leadsTo(chain, anchor, now)
      if (verdict.kind === 'refused') {
        // What a list says is the reason, whatever other groups have to say of the chain.
        if (verdict.code !== undefined) return denied(verdict.code, verdict.reason)
        refusal = denied('chain-untrusted', verdict.reason)
        continue
      }
      const isCloser = closest === undefined || verdict.depth < closest.depth
      // Two groups with one authority: the disabled one shuts out, as it does for every chain below it.
      const isStricter = verdict.depth === closest?.depth && enrollment.status === 'disabled'
      if (isCloser || isStricter) {
        const proof: Proof = { kind: 'x509', certificate, signingCertificate: anchor }
        closest = { depth: verdict.depth, proved: proved(enrollment, proof) }
      }
    }
  }
  return closest?.proved ?? refusal
}

function proved(enrollment: Enrollment, proof: Extract<Proof, { kind: 'x509' }>): Proved {
  return { kind: 'proved', enrollment, proof, expires: proof.certificate.notAfter }
}
