import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encode } from '@holdfast/mqtt'
import fc from 'fast-check'
import { connectBytes, FrontStage, publishPacket } from './testing/front-stage.ts'

const EVENTS = 'devices/pump/messages/events/'

/** What a device might send, and what only an attacker would. */
const chunk = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc
    .record({ bag: fc.stringMatching(/^[a-z=&%0-9]{0,12}$/), packetId: fc.integer({ min: 0, max: 9 }) })
    .map(({ bag, packetId }) => encode(publishPacket(EVENTS + bag, packetId))),
  fc
    .constantFrom('devices/pump/messages/devicebound/#', '$iothub/twin/res/#', 'devices/x/messages/devicebound/#', '#')
    .map((filter) => encode({ type: 'subscribe', packetId: 1, requests: [{ filter, qos: 1 }] })),
  fc.constantFrom(encode({ type: 'pingreq' }), encode({ type: 'disconnect' }), connectBytes('pump')),
)

/** A stream of such chunks in which some bits have flipped. */
const stream = fc
  .record({ chunks: fc.array(chunk, { maxLength: 8 }), flips: fc.array(fc.nat(), { maxLength: 2 }) })
  .map(({ chunks, flips }) => {
    const bytes = Uint8Array.from(Buffer.concat(chunks))
    for (const flip of flips) {
      const at = (flip >> 3) % Math.max(1, bytes.length)
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip & 7))
    }
    return bytes
  })

function outcome(bytes: Uint8Array, size: number, isAdmitted: boolean) {
  const stage = new FrontStage()
  if (isAdmitted) stage.join(1, 'pump')
  else stage.open(1)
  for (let at = 0; at < bytes.length; at += size) stage.receive(1, bytes.slice(at, at + size))
  stage.turn()
  for (const { ticket } of stage.log) stage.commit(ticket)
  stage.front.peerClosed(1, stage.now)
  stage.turn()
  assert.equal(stage.front.connections, 0)
  assert.equal(stage.front.pendingBytes, 0)
  for (const message of stage.logged()) assert.equal(message.deviceId, 'pump')
  return { core: stage.core, written: stage.packets(1), logged: stage.logged(), closed: [...stage.closed] }
}

describe('whatever bytes a peer sends', () => {
  for (const isAdmitted of [false, true]) {
    it(`the outcome is defined, whole or byte by byte, ${isAdmitted ? 'after' : 'before'} it is admitted`, () => {
      fc.assert(
        fc.property(stream, (bytes) => {
          assert.deepEqual(outcome(bytes, 1, isAdmitted), outcome(bytes, Math.max(1, bytes.length), isAdmitted))
        }),
        { numRuns: 300 },
      )
    })
  }
})
