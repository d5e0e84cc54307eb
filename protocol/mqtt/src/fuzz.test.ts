import { test } from 'node:test'
import fc from 'fast-check'
import { encode } from './encode.ts'
import { arbitraryPacket, fuzzTarget } from './testing/index.ts'

const CONNECT = encode({
  type: 'connect',
  protocolLevel: 4,
  clientId: 'd',
  cleanSession: true,
  keepAliveSeconds: 60,
})
const CONNACK = encode({ type: 'connack', sessionPresent: false, returnCode: 0 })

/** Wounds of bytes: one changed, one taken out, one put in, the rest cut off. */
const wound = fc.record({
  kind: fc.constantFrom('set', 'drop', 'insert', 'cut'),
  at: fc.nat(2000),
  byte: fc.integer({ min: 0, max: 255 }),
})

function hurt(bytes: Uint8Array, wounds: readonly { kind: string; at: number; byte: number }[]): Uint8Array {
  let result = [...bytes]
  for (const { kind, at, byte } of wounds) {
    const place = at % (result.length + 1)
    if (kind === 'set') result[place] = byte
    if (kind === 'drop') result.splice(place, 1)
    if (kind === 'insert') result.splice(place, 0, byte)
    if (kind === 'cut') result = result.slice(0, place)
  }
  return Uint8Array.from(result)
}

test('any bytes, whole or in pieces, give the same packets and events, and bad ones a DecodeError or a close', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => fuzzTarget(bytes)),
    { numRuns: 300 },
  )
})

test('packets of any type in any order, healthy and wounded, to server and client alike', () => {
  const stream = fc.record({
    opening: fc.constantFrom(CONNECT, CONNACK, new Uint8Array(0)),
    packets: fc.array(arbitraryPacket, { maxLength: 6 }),
    wounds: fc.oneof(fc.constant([]), fc.array(wound, { maxLength: 3 })),
  })
  fc.assert(
    fc.property(stream, ({ opening, packets, wounds }) =>
      fuzzTarget(hurt(Buffer.concat([opening, ...packets.map(encode)]), wounds)),
    ),
    { numRuns: 300 },
  )
})
