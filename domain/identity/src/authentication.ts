/** How an identity proves itself, from what a caller asked for to what is kept. */

import { assertNever } from '@holdfast/base'
import { isKey } from '@holdfast/tokens'
import { IdentityError } from './errors.ts'
import type { Authentication } from './identity.ts'
import { KEY_BYTES } from './limits.ts'
import { type RandomBytes, randomBase64 } from './random.ts'

/**
 * What a caller asks for. Keys that are absent or empty are made (or kept, when the identity has keys already);
 * thumbprints come in either case, and an empty one is none.
 */
export type AuthenticationDraft =
  | { readonly kind: 'sas'; readonly primaryKey?: string; readonly secondaryKey?: string }
  | { readonly kind: 'selfSigned'; readonly primaryThumbprint?: string; readonly secondaryThumbprint?: string }
  | { readonly kind: 'certificateAuthority' }
  | { readonly kind: 'none' }

/**
 * Checks a draft and completes it.
 * @param current what the identity has now, when it exists.
 * @throws IdentityError `invalid`.
 */
export function completeAuthentication(
  draft: AuthenticationDraft,
  random: RandomBytes,
  current?: Authentication,
): Authentication {
  switch (draft.kind) {
    case 'sas': {
      const kept = current?.kind === 'sas' ? current : undefined
      return {
        kind: 'sas',
        primaryKey: checkedKey(draft.primaryKey, 'primaryKey') ?? kept?.primaryKey ?? randomBase64(random, KEY_BYTES),
        secondaryKey:
          checkedKey(draft.secondaryKey, 'secondaryKey') ?? kept?.secondaryKey ?? randomBase64(random, KEY_BYTES),
      }
    }
    case 'selfSigned': {
      const primaryThumbprint = checkedThumbprint(draft.primaryThumbprint, 'primaryThumbprint')
      const secondaryThumbprint = checkedThumbprint(draft.secondaryThumbprint, 'secondaryThumbprint')
      if (primaryThumbprint === undefined && secondaryThumbprint === undefined) {
        throw new IdentityError('invalid', 'a device that proves itself by a thumbprint needs one or two of them')
      }
      return {
        kind: 'selfSigned',
        ...(primaryThumbprint === undefined ? {} : { primaryThumbprint }),
        ...(secondaryThumbprint === undefined ? {} : { secondaryThumbprint }),
      }
    }
    case 'certificateAuthority':
    case 'none':
      return { kind: draft.kind }
    default:
      return assertNever(draft)
  }
}

/** Upper-case hex of a SHA-1 or SHA-256, or undefined; the colons and spaces that tools print are passed over. */
export function normaliseThumbprint(text: string): string | undefined {
  const hex = text.replaceAll(/[:\s]/g, '').toUpperCase()
  return /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(hex) ? hex : undefined
}

/** The thumbprints of an identity, in the order of their slots. */
export function thumbprintsOf(authentication: Authentication): readonly string[] {
  if (authentication.kind !== 'selfSigned') return []
  return [authentication.primaryThumbprint, authentication.secondaryThumbprint].filter((one) => one !== undefined)
}

function checkedKey(key: string | undefined, field: string): string | undefined {
  if (key === undefined || key === '') return undefined
  if (!isKey(key)) {
    throw new IdentityError('invalid', `${field} is base64 of 16 to 64 bytes; leave it out and one is made`)
  }
  return key
}

function checkedThumbprint(text: string | undefined, field: string): string | undefined {
  if (text === undefined || text === '') return undefined
  // Bounded before the work: 64 digits and the colons between them.
  const thumbprint = text.length > 200 ? undefined : normaliseThumbprint(text)
  if (thumbprint === undefined) {
    throw new IdentityError('invalid', `${field} is the SHA-1 (40) or SHA-256 (64 hex digits) of the certificate's DER`)
  }
  return thumbprint
}
