/**
 * The query with which a device uploads, in the form of a shared access signature of Azure Storage: `sv` version, `sr`
 * what it is for (a blob), `si` which grant, `sp` what it permits (writing), `se` until when, `sig` HMAC-SHA-256 over all
 * of that and the blob's name, under a key of the hub's own.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { UPLOAD_CONTAINER } from '@holdfast/iothub'

/** The container that all blobs are in. The listener knows the addresses whose bodies are streams by it. */
export const CONTAINER = 'device-uploads'

const VERSION = '2021-08-06'
/** Writing alone: who may upload may not read, here not even what it wrote. */
const PERMISSIONS = 'w'

export interface Grant {
  readonly correlationId: string
  readonly blobName: string
  readonly expires: Timestamp
}

/** Begins with `?`; clients append it to the blob's address as it is. */
export function formatGrantToken(grant: Grant, key: Uint8Array): string {
  const expires = secondsOf(grant.expires)
  const query = new URLSearchParams({
    sv: VERSION,
    sr: 'b',
    si: grant.correlationId,
    sp: PERMISSIONS,
    se: expires,
    sig: signatureOf(grant, expires, key).toString('base64'),
  })
  return `?${query.toString()}`
}

/** What a query claims; undefined when it has not the form of a grant. Nothing of it is verified. */
export function readGrantToken(
  query: URLSearchParams,
): { readonly correlationId: string; readonly signature: string } | undefined {
  const one = (name: string): string | undefined => {
    const values = query.getAll(name)
    return values.length === 1 ? values[0] : undefined
  }
  const correlationId = one('si')
  const signature = one('sig')
  if (correlationId === undefined || signature === undefined) return undefined
  if (one('sv') !== VERSION || one('sr') !== 'b' || one('sp') !== PERMISSIONS || one('se') === undefined)
    return undefined
  return { correlationId, signature }
}

/**
 * Whether `query` is the token of this very grant: every field is compared with the grant's own, in constant time, so
 * that nothing of the query is believed. Whether it has expired is the caller's to ask.
 */
export function verifyGrantToken(query: URLSearchParams, grant: Grant, key: Uint8Array): boolean {
  const claim = readGrantToken(query)
  if (claim === undefined || claim.correlationId !== grant.correlationId) return false
  const expires = secondsOf(grant.expires)
  if (query.get('se') !== expires) return false
  // As text: one signature has one spelling.
  const expected = Buffer.from(signatureOf(grant, expires, key).toString('base64'))
  const given = Buffer.from(claim.signature)
  // The length is no secret, and the comparison needs equal ones.
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function signatureOf({ correlationId, blobName }: Grant, expires: string, key: Uint8Array): Buffer {
  // A name has no line feed, and each field stands in its own line: no two grants sign the same text.
  const text = ['holdfast upload', VERSION, UPLOAD_CONTAINER, blobName, correlationId, PERMISSIONS, expires].join('\n')
  return createHmac('sha256', key).update(text).digest()
}

/** Azure's form has whole seconds. */
function secondsOf(time: Timestamp): string {
  return formatTimestamp(time).replace(/\.\d+Z$/, 'Z')
}
