/** Whether a certificate that the hub issued proves an identity: a function of the record, the identity and the time. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { type Identity, type IssuedJudgement, identityText } from '@holdfast/identity'
import type { IssuedCertificate } from './issued-certificate.ts'

/** How far a device's clock, or ours, may be off where a certificate is not valid yet, in milliseconds. */
export const SKEW_MS = 300_000

/**
 * @param record undefined: a certificate that names an authority of the hub, and is on no record.
 * @param rules.graceMs for how long after its end it is good for the lane `renewal`.
 * @param rules.isIssuerTrusted whether certificates of its issuer count.
 */
export function judgeCertificate(
  record: IssuedCertificate | undefined,
  identity: Identity,
  now: Timestamp,
  rules: { readonly graceMs: number; readonly isIssuerTrusted: boolean },
): IssuedJudgement {
  if (record === undefined) return denied('certificate-unknown', 'the hub has no record of this certificate')
  if (identityText(record.key) !== identityText(identity)) {
    return denied('certificate-name', 'the certificate was issued to another identity')
  }
  if (record.generationId !== identity.generationId) {
    return denied('certificate-revoked', 'it was issued to an earlier identity of this id, which was deleted')
  }
  if (record.state === 'revoked') {
    return denied('certificate-revoked', `revoked at ${timeText(record.stateTime)}: ${record.reason ?? 'unspecified'}`)
  }
  if (record.state === 'retired') {
    return denied('certificate-retired', `retired at ${timeText(record.stateTime)} in favour of its successor`)
  }
  if (!rules.isIssuerTrusted)
    return denied('certificate-untrusted', 'the authority that issued it does not count any more')
  // One that was seen had the identity leave its keys. If it has keys again, somebody gave it those, and took this away,
  // also where the hub was stopped before it could write down the end of the certificate.
  const leavesKeys = record.replacesKeys && record.seenTime === undefined
  if (identity.authentication.kind !== 'certificateAuthority' && !leavesKeys) {
    return denied('wrong-credential-kind', 'the identity does not prove itself by certificates of an authority')
  }
  if (now + SKEW_MS < record.notBefore) {
    return denied('certificate-not-yet-valid', `valid from ${timeText(record.notBefore)}`)
  }
  if (now < record.notAfter) return { kind: 'proved', expires: record.notAfter, lane: 'full' }
  const graceEnd = timestampOf(record.notAfter + rules.graceMs)
  if (now < graceEnd) return { kind: 'proved', expires: graceEnd, lane: 'renewal' }
  return denied(
    'certificate-expired',
    `expired at ${timeText(record.notAfter)}, and its grace at ${timeText(graceEnd)}`,
  )
}

function timeText(at: Timestamp): string {
  return new Date(at).toISOString()
}

function denied(code: Extract<IssuedJudgement, { kind: 'denied' }>['code'], detail: string): IssuedJudgement {
  return { kind: 'denied', code, detail }
}
