/**
 * What is sealed of a message: one version byte, the length of a JSON header (4 bytes, big endian), the header, the body.
 * The header has only what is there: `m` message id, `c` correlation id, `u` user id, `t` content type, `e` content
 * encoding, `p` properties as pairs.
 */

import type { Command, CommandProperty } from './command.ts'
import type { CheckedDraft } from './draft.ts'

export type CommandContent = Pick<
  Command,
  'messageId' | 'correlationId' | 'userId' | 'contentType' | 'contentEncoding' | 'properties' | 'body'
>

const VERSION = 1
const HEAD_BYTES = 5

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const LETTERS = {
  m: 'messageId',
  c: 'correlationId',
  u: 'userId',
  t: 'contentType',
  e: 'contentEncoding',
} as const

export function encodeCommandContent(content: CommandContent | CheckedDraft): Uint8Array {
  const header: Record<string, unknown> = {}
  for (const [letter, name] of Object.entries(LETTERS)) {
    const value = content[name]
    if (value !== undefined) header[letter] = value
  }
  if (content.properties.length > 0) header.p = content.properties
  const text = encoder.encode(JSON.stringify(header))
  const bytes = new Uint8Array(HEAD_BYTES + text.length + content.body.length)
  bytes[0] = VERSION
  new DataView(bytes.buffer).setUint32(1, text.length)
  bytes.set(text, HEAD_BYTES)
  bytes.set(content.body, HEAD_BYTES + text.length)
  return bytes
}

/** The body is a view of `bytes`. @throws TypeError on anything that `encodeCommandContent` does not write. */
export function decodeCommandContent(bytes: Uint8Array): CommandContent {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) throw malformed()
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
  const end = HEAD_BYTES + length
  if (end > bytes.length) throw malformed()
  const header = parse(bytes.subarray(HEAD_BYTES, end))
  const content: { -readonly [K in keyof CommandContent]?: CommandContent[K] } = {}
  for (const [letter, name] of Object.entries(LETTERS)) {
    const value = header.get(letter)
    if (value === undefined) continue
    if (typeof value !== 'string') throw malformed()
    content[name] = value
  }
  return { ...content, properties: propertiesOf(header.get('p')), body: bytes.subarray(end) }
}

function parse(bytes: Uint8Array): ReadonlyMap<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch {
    throw malformed()
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed()
  return new Map(Object.entries(value))
}

function propertiesOf(value: unknown): readonly CommandProperty[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw malformed()
  return value.map((pair: unknown): CommandProperty => {
    if (!Array.isArray(pair) || pair.length !== 2) throw malformed()
    const [name, text]: readonly unknown[] = pair
    if (typeof name !== 'string' || typeof text !== 'string') throw malformed()
    return [name, text]
  })
}

function malformed(): TypeError {
  return new TypeError('no content of a message')
}
