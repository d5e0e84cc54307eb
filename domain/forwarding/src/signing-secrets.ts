/** The secrets of a webhook over time: made, shown once, replaced with an overlap in which both sign. */

import type { Timestamp } from '@holdfast/base'
import { timestampOf } from '@holdfast/base'
import { OVERLAP_MS_MAX, SECRET_BYTES, SECRETS_MAX } from './limits.ts'
import type { SigningSecret } from './sink.ts'

/** How Standard Webhooks writes a symmetric secret. */
export function formatSecret({ key }: SigningSecret): string {
  return `whsec_${key}`
}

/** @param bytes SECRET_BYTES random ones. @throws TypeError for another number: a bug in the caller. */
export function newSecret(bytes: Uint8Array, now: Timestamp): SigningSecret {
  if (bytes.length !== SECRET_BYTES) throw new TypeError(`a secret has ${SECRET_BYTES} bytes`)
  return { key: Buffer.from(bytes).toString('base64'), createdTime: now }
}

/** Those that sign now, the current one first. */
export function signingNow(secrets: readonly SigningSecret[], now: Timestamp): readonly SigningSecret[] {
  return secrets.filter(({ endsTime }) => endsTime === undefined || endsTime > now)
}

/**
 * The secrets after a rotation: the former ones end when the overlap is over, or when they were to end before. Undefined
 * where as many as may be sign already: then somebody's overlap has to end first, or be ended by an overlap of zero.
 */
export function rotated(
  secrets: readonly SigningSecret[],
  { next, overlapMs, now }: { readonly next: SigningSecret; readonly overlapMs: number; readonly now: Timestamp },
): readonly SigningSecret[] | undefined {
  if (overlapMs < 0 || overlapMs > OVERLAP_MS_MAX) throw new TypeError('an overlap is within its bounds')
  if (overlapMs === 0) return [next]
  const ends = timestampOf(now + overlapMs)
  const former = signingNow(secrets, now).map((secret) => ({
    ...secret,
    endsTime: secret.endsTime !== undefined && secret.endsTime < ends ? secret.endsTime : ends,
  }))
  return former.length >= SECRETS_MAX ? undefined : [next, ...former]
}
