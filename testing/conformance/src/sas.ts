/** Shared access signatures as an application makes them, independent of the code under test (azure-iot.md §2). */

import { createHmac } from 'node:crypto'

export interface SasWish {
  /** As it stands in the token, encoded or not. */
  readonly resource: string
  /** Base64. */
  readonly key: string
  /** From now, in seconds; negative for one that has expired. */
  readonly seconds: number
  readonly policy?: string
}

export function sas({ resource, key, seconds, policy }: SasWish): string {
  const expires = Math.floor(Date.now() / 1000) + seconds
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(`${resource}\n${expires}`).digest('base64')
  const name = policy === undefined ? '' : `&skn=${policy}`
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expires}${name}`
}

/** The parts of a connection string, by name. */
export function partsOf(connectionString: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    connectionString.split(';').map((part) => {
      const at = part.indexOf('=')
      return [part.slice(0, at), part.slice(at + 1)]
    }),
  )
}

/** The key of a connection string. */
export function keyOf(connectionString: string): string {
  const key = partsOf(connectionString).SharedAccessKey
  if (key === undefined) throw new Error('the connection string has no key')
  return key
}

/** The key of one device of a symmetric-key group. */
export function derivedKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest('base64')
}
