/** UTF-8 strings as MQTT 3.1.1 §1.5.3 wants them, and the grammar of topics, §4.7. */

import { DecodeError } from './errors.ts'
import { byteAt } from './fixed-header.ts'

// [MQTT-1.5.3-3] A leading U+FEFF is a character like another, not a mark to be stripped.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const PLUS = 0x2b
const HASH = 0x23

/**
 * @throws DecodeError `utf8`
 */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) {
    const byte = byteAt(bytes, at)
    if (byte === 0) throw new DecodeError('utf8') // [MQTT-1.5.3-2]
    if (byte >= 0x80) return decodeWideText(bytes, start, end)
  }
  return bytes.toString('latin1', start, end)
}

function decodeWideText(bytes: Buffer, start: number, end: number): string {
  let text: string
  try {
    text = UTF8.decode(bytes.subarray(start, end))
  } catch {
    throw new DecodeError('utf8') // [MQTT-1.5.3-1] Surrogates and overlong forms are among what the decoder refuses.
  }
  if (text.includes('\0')) throw new DecodeError('utf8')
  return text
}

/**
 * A topic name: one character at least, no wildcards.
 * @throws DecodeError `utf8`, `topic-name`
 */
export function decodeTopicName(bytes: Buffer, start: number, end: number): string {
  // [MQTT-4.7.3-1]
  if (start === end) throw new DecodeError('topic-name')
  for (let at = start; at < end; at++) {
    const byte = byteAt(bytes, at)
    // [MQTT-3.3.2-2] In UTF-8 these two bytes are never part of another character.
    if (byte === PLUS || byte === HASH) throw new DecodeError('topic-name')
    if (byte === 0) throw new DecodeError('utf8')
    if (byte >= 0x80) {
      const text = decodeWideText(bytes, start, end)
      if (!isTopicName(text)) throw new DecodeError('topic-name')
      return text
    }
  }
  return bytes.toString('latin1', start, end)
}

/** Whether `bytes` from `start` are the ASCII text `text`; the caller has compared the lengths. */
export function isSameText(text: string, bytes: Uint8Array, start: number): boolean {
  // From the end, because topics of one device differ there.
  for (let i = text.length - 1; i >= 0; i--) {
    if (text.charCodeAt(i) !== byteAt(bytes, start + i)) return false
  }
  return true
}

/** Whether `text` can be written as an MQTT string: well-formed, no U+0000. Its length is not checked. */
export function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** Whether `topic` is a topic name; §4.7. Its length in bytes is not checked. */
export function isTopicName(topic: string): boolean {
  return topic !== '' && !topic.includes('+') && !topic.includes('#') && isText(topic)
}

/** Whether `filter` is a topic filter; §4.7.1. Its length in bytes is not checked. */
export function isTopicFilter(filter: string): boolean {
  if (filter === '' || !isText(filter)) return false
  for (let i = 0; i < filter.length; i++) {
    const char = filter.charCodeAt(i)
    if (char !== PLUS && char !== HASH) continue
    // [MQTT-4.7.1-2] [MQTT-4.7.1-3] A wildcard is a whole level, and # the last one.
    if (i > 0 && filter[i - 1] !== '/') return false
    if (char === HASH ? i !== filter.length - 1 : i < filter.length - 1 && filter[i + 1] !== '/') return false
  }
  return true
}

/** Whether a topic name matches a topic filter, both valid; §4.7, with [MQTT-4.7.2-1] for names that start with $. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false
  let at = 0
  for (let i = 0; i < filter.length; ) {
    const char = filter[i]
    if (char === '#') return true
    if (char === '+') {
      while (at < topic.length && topic[at] !== '/') at++
      i++
      continue
    }
    if (at === topic.length) {
      // §4.7.1.2: "sport/#" also matches "sport", the parent level.
      return char === '/' && filter[i + 1] === '#'
    }
    if (topic[at] !== char) return false
    at++
    i++
  }
  return at === topic.length
}
