/** Reading the JSON of a key file: every value is checked before it is believed, unknown members are refused. */

import { timestampOf, type Timestamp } from '@holdfast/base'

/** A member was absent or of the wrong kind. Caught by the file's reader, which knows the file's name. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError'
}

export type JsonObject = Readonly<Record<string, unknown>>

/** @throws DocumentError unless `bytes` is the UTF-8 text of one JSON object. */
export function parseDocument(bytes: Uint8Array): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new DocumentError('is no JSON', { cause })
  }
  return objectOf(value, 'the document')
}

export function objectOf(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DocumentError(`${name} is no object`)
  }
  return { ...value }
}

export function arrayOf(value: unknown, name: string, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) {
    throw new DocumentError(`${name} is no list of at most ${lengthMax}`)
  }
  return value
}

/** @throws DocumentError on a member that is not among `names`. */
export function requireNames(object: JsonObject, names: readonly string[]): void {
  for (const name of Object.keys(object)) {
    if (!names.includes(name)) throw new DocumentError(`unknown member ${JSON.stringify(name.slice(0, 40))}`)
  }
}

export function textOf(value: unknown, name: string, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw new DocumentError(`${name} is malformed`)
  return value
}

export function countOf(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new DocumentError(`${name} is no whole number from ${min} to ${max}`)
  }
  return value
}

export function timeOf(value: unknown, name: string): Timestamp {
  return timestampOf(countOf(value, name, 0, Number.MAX_SAFE_INTEGER))
}

/** Strict base64: what decodes but would not be encoded so is refused. */
export function bytesOf(value: unknown, name: string, bytesMin: number, bytesMax: number): Uint8Array {
  if (typeof value !== 'string' || value.length > bytesMax * 2) throw new DocumentError(`${name} is no base64`)
  const decoded = Buffer.from(value, 'base64')
  if (decoded.toString('base64') !== value) throw new DocumentError(`${name} is no base64`)
  if (decoded.length < bytesMin || decoded.length > bytesMax) throw new DocumentError(`${name} has the wrong length`)
  const own = new Uint8Array(decoded)
  decoded.fill(0)
  return own
}

export function formatBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** A member that is text of a form. @throws DocumentError. */
export function textMember(object: JsonObject, name: string, pattern: RegExp): string {
  return textOf(object[name], name, pattern)
}

/** @throws DocumentError. */
export function timeMember(object: JsonObject, name: string): Timestamp {
  return timeOf(object[name], name)
}

/** @throws DocumentError. */
export function bytesMember(object: JsonObject, name: string, bytesMin: number, bytesMax: number): Uint8Array {
  return bytesOf(object[name], name, bytesMin, bytesMax)
}
