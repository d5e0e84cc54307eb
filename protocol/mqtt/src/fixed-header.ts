/** The fixed header: one byte of type and flags, then the Remaining Length; §2.2. */

import { DecodeError } from './errors.ts'

/** Numbers of the packet types; table 2.1. */
export const TYPE = Object.freeze({
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
})

/** For every first byte: 0 it is good, 1 its type is reserved, 2 its flags are. */
const VERDICTS = (() => {
  const verdicts = new Uint8Array(256)
  for (let first = 0; first < 256; first++) {
    const type = first >> 4
    const flags = first & 0x0f
    if (type === 0 || type === 15) verdicts[first] = 1
    else if (type === TYPE.publish) verdicts[first] = 0
    // [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] These three have flags 0010.
    else if (type === TYPE.pubrel || type === TYPE.subscribe || type === TYPE.unsubscribe)
      verdicts[first] = flags === 2 ? 0 : 2
    else verdicts[first] = flags === 0 ? 0 : 2
  }
  return verdicts
})()

/** The byte at `at`, which the caller has checked to be there. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

/** Two bytes, big-endian (§1.5.2), which the caller has checked to be there. */
export function uint16At(bytes: Uint8Array, at: number): number {
  return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)
}

/**
 * Looks at the first byte of a packet, so that what is no MQTT is refused before its length is believed.
 * @throws DecodeError `packet-type`, `header-flags`
 */
export function checkFirstByte(first: number): void {
  const verdict = VERDICTS[first]
  if (verdict === 0) return
  throw new DecodeError(verdict === 1 ? 'packet-type' : 'header-flags')
}

/**
 * The whole length in bytes, header included, of the packet that starts at `start`; 0 while its header is incomplete.
 * @throws DecodeError `packet-type`, `header-flags`, `remaining-length`, `packet-too-large`
 */
export function packetLength(bytes: Uint8Array, start: number, end: number, packetBytesMax: number): number {
  if (start >= end) return 0
  checkFirstByte(byteAt(bytes, start))
  let length = 0
  for (let digit = 0; digit < 4; digit++) {
    const at = start + 1 + digit
    if (at >= end) return 0
    const byte = byteAt(bytes, at)
    length |= (byte & 0x7f) << (7 * digit)
    if (byte < 0x80) {
      // Table 2.4 gives each length one size: a second encoding of the same value is no encoding.
      if (byte === 0 && digit > 0) throw new DecodeError('remaining-length')
      const whole = 2 + digit + length
      if (whole > packetBytesMax) throw new DecodeError('packet-too-large')
      return whole
    }
  }
  throw new DecodeError('remaining-length')
}

/** Where the body of the packet at `start` begins; its header has been checked to be complete. */
export function bodyStart(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (byteAt(bytes, at) >= 0x80) at++
  return at + 1
}

/** How many bytes the Remaining Length takes; table 2.4. */
export function lengthDigits(length: number): number {
  if (length < 0x80) return 1
  if (length < 0x4000) return 2
  return length < 0x20_0000 ? 3 : 4
}
