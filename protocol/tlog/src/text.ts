/** Texts of notes, in their one form: base64 as RFC 4648 §4 writes it, decimals without leading zeroes, valid UTF-8. */

import { HASH_BYTES, type Hash } from './hash.ts'
import { TREE_SIZE_MAX } from './limits.ts'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** `undefined` if the bytes are no UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** `undefined` for what is no base64, or not the way in which these bytes are written. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
  return encodeBase64(bytes) === text ? bytes : undefined
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

export function decodeHash(text: string): Hash | undefined {
  if (text.length !== 44) return undefined
  const bytes = decodeBase64(text)
  return bytes?.length === HASH_BYTES ? bytes : undefined
}

/** A tree size or an index. */
export function parseDecimal(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined
  const value = Number(text)
  return value <= TREE_SIZE_MAX ? value : undefined
}

/** Whether a text has ASCII control characters; the newline counts unless lines are what is looked at. */
export function hasControls(text: string, { allowsNewline = false } = {}): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x20 && !(allowsNewline && code === 0x0a)) return true
  }
  return false
}
