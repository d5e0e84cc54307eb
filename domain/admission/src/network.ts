/** Networks in CIDR notation, IPv4 (RFC 4632 §3.1) and IPv6 (RFC 4291 §2.3), and what addresses belong to them. */

import { NETWORK_CHARACTERS_MAX } from './limits.ts'

export interface Network {
  /** 4 or 16 of them, zero behind the prefix. */
  readonly bytes: Uint8Array
  readonly prefixBits: number
}

/**
 * The bytes of an address as a socket tells it: 4 for IPv4, 16 for IPv6. An IPv4 address in IPv6 form (RFC 4291
 * §2.5.5.2) is the IPv4 address; a zone is passed over. Undefined for any other text.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (text.length > 2 * NETWORK_CHARACTERS_MAX) return undefined
  const bare = text.replace(/%[0-9A-Za-z._-]{1,32}$/, '')
  if (!bare.includes(':')) return parseV4(bare)
  const bytes = parseV6(bare)
  return bytes !== undefined && isMapped(bytes) ? bytes.slice(12) : bytes
}

/** Undefined unless `text` is an address, a slash, a length without leading zero, and no bit is set behind the prefix. */
export function parseNetwork(text: string): Network | undefined {
  if (text.length > NETWORK_CHARACTERS_MAX) return undefined
  const [, address, length] = /^([0-9A-Fa-f:.]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? []
  if (address === undefined || length === undefined) return undefined
  const bytes = address.includes(':') ? parseV6(address) : parseV4(address)
  const prefixBits = Number(length)
  // Addresses in IPv6 form are compared as IPv4, so that a network of them would hold nobody.
  if (bytes === undefined || prefixBits > bytes.length * 8 || (bytes.length === 16 && isMapped(bytes))) return undefined
  for (let bit = prefixBits; bit < bytes.length * 8; bit += 1) if (bitOf(bytes, bit) !== 0) return undefined
  return { bytes, prefixBits }
}

export function contains({ bytes, prefixBits }: Network, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false
  const whole = prefixBits >> 3
  for (let at = 0; at < whole; at += 1) if (bytes[at] !== address[at]) return false
  for (let bit = whole * 8; bit < prefixBits; bit += 1) if (bitOf(bytes, bit) !== bitOf(address, bit)) return false
  return true
}

function bitOf(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.', 5)
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [at, part] of parts.entries()) {
    // A leading zero is octal to some readers and decimal to others.
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes[at] = Number(part)
  }
  return bytes
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::', 3)
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':', 9)))
  if (head === undefined) return undefined
  const front = groupsOf(head, tail === undefined)
  const back = tail === undefined ? [] : groupsOf(tail, true)
  if (front === undefined || back === undefined) return undefined
  const missing = 8 - front.length - back.length
  // `::` stands for one group or more (RFC 5952 §4.2.2 would have two, RFC 4291 §2.2 has one).
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const bytes = new Uint8Array(16)
  const groups = [...front, ...Array.from({ length: missing }, () => 0), ...back]
  for (const [at, group] of groups.entries()) {
    bytes[at * 2] = group >> 8
    bytes[at * 2 + 1] = group & 0xff
  }
  return bytes
}

/** @param isEnd whether the last group may be an IPv4 address, which is two. */
function groupsOf(texts: readonly string[], isEnd: boolean): readonly number[] | undefined {
  const groups: number[] = []
  for (const [at, text] of texts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(text)) {
      groups.push(Number.parseInt(text, 16))
      continue
    }
    const v4 = isEnd && at === texts.length - 1 ? parseV4(text) : undefined
    if (v4 === undefined) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = v4
    groups.push(a * 256 + b, c * 256 + d)
  }
  return groups
}

/** `::ffff:0:0/96`. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)
}
