/** JSON of a peer: bounded before it is parsed, `unknown` after. */

import { DpsError } from './errors.ts'
import { JSON_DEPTH_MAX } from './limits.ts'

/** An object of JSON. Keys are a peer's: read them with `Object.hasOwn`, copy them into null-prototype objects only. */
export type JsonObject = { readonly [key: string]: unknown }

/**
 * Parses UTF-8 JSON (RFC 8259).
 * @throws DpsError `too-large` past `bytesMax`, `bad-request` for text that is no UTF-8 or no JSON, or is nested deeper
 * than JSON_DEPTH_MAX.
 */
export function parseJson(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax) throw new DpsError('too-large', `The body is longer than ${bytesMax} bytes.`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new DpsError('bad-request', 'The body is not UTF-8.')
  }
  if (depthOf(text) > JSON_DEPTH_MAX) throw new DpsError('bad-request', 'The body is nested too deeply.')
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    // The engine's message quotes the text, so it stays here.
    throw new DpsError('bad-request', 'The body is not JSON.')
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of an own key; null is absent, as the SDKs and Azure write it. */
export function member(object: JsonObject, key: string): unknown {
  const value = Object.hasOwn(object, key) ? object[key] : undefined
  return value === null ? undefined : value
}

/** Deepest nesting of brackets outside strings; of text that is no JSON, any number. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let isString = false
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (isString) {
      if (unit === 0x5c) at += 1
      else if (unit === 0x22) isString = false
    } else if (unit === 0x22) isString = true
    else if (unit === 0x7b || unit === 0x5b) {
      depth += 1
      if (depth > deepest) deepest = depth
    } else if (unit === 0x7d || unit === 0x5d) depth -= 1
  }
  return deepest
}
