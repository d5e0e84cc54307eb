/** What an EST client shows beside its TLS certificate: a shared access signature, bare or in HTTP Basic. */

import { isIdentityKey, type IdentityKey } from '@holdfast/identity'
import { AUTHORIZATION_CHARACTERS_MAX } from '../limits.ts'

export interface EstAuthorization {
  /** Of HTTP Basic: whom the client says that it is. */
  readonly user?: string
  /** Text of a shared access signature. Never logged. */
  readonly token: string
}

const SIGNATURE = /^SharedAccessSignature /i
const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

/** Undefined for a header of another scheme or form, which proves nothing. */
export function parseEstAuthorization(header: string): EstAuthorization | undefined {
  if (header.length > AUTHORIZATION_CHARACTERS_MAX) return undefined
  if (SIGNATURE.test(header)) return { token: header }
  const encoded = BASIC.exec(header)?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  // RFC 7617 §2: a user has no colon; a password may.
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  const [user, token] = [text.slice(0, colon), text.slice(colon + 1)]
  return SIGNATURE.test(token) ? { user, token } : undefined
}

/** `device` or `device/module`; undefined for what is neither. */
export function identityKeyOf(text: string): IdentityKey | undefined {
  const [deviceId = '', moduleId, ...more] = text.split('/')
  if (more.length > 0) return undefined
  const key = moduleId === undefined ? { deviceId } : { deviceId, moduleId }
  return isIdentityKey(key) ? key : undefined
}
