/** A whole front, before and after it lets a device in: what a device has said is told and kept the same however it is cut. */

import assert from 'node:assert/strict'
import { connectBytes, FrontStage, publishPacket } from '@holdfast/messaging/testing'
import { encode } from '@holdfast/mqtt'
import type { FuzzTarget } from './target.ts'

const EVENTS = 'devices/pump/messages/events/'
const CONNECTION = 1

export const frontTarget: FuzzTarget = {
  name: 'front',
  seeds: [
    [
      encode(publishPacket(`${EVENTS}a=1&b=%20`, 1)),
      encode({
        type: 'subscribe',
        packetId: 2,
        requests: [
          { filter: 'devices/pump/messages/devicebound/#', qos: 1 },
          { filter: '$iothub/twin/res/#', qos: 0 },
          { filter: 'devices/other/#', qos: 1 },
        ],
      }),
      encode(publishPacket('$iothub/twin/GET/?$rid=1', 3)),
      encode(publishPacket('$iothub/methods/res/200/?$rid=1', 4)),
      encode({ type: 'unsubscribe', packetId: 5, filters: ['$iothub/twin/res/#'] }),
      encode({ type: 'pingreq' }),
      encode({ type: 'disconnect' }),
    ],
    [connectBytes('pump'), encode(publishPacket(EVENTS, 0))],
    [encode(publishPacket('devices/other/messages/events/', 1))],
  ].map((packets) => Uint8Array.from(Buffer.concat(packets))),
  run(bytes) {
    for (const isAdmitted of [false, true]) {
      const whole = outcome(bytes, { size: Math.max(1, bytes.length), isAdmitted })
      assert.deepEqual(outcome(bytes, { size: 1, isAdmitted }), whole, 'byte by byte')
    }
  },
}

/** What core, log and peer were told of one connection that said `bytes` in pieces of that size, and went. */
function outcome(bytes: Uint8Array, { size, isAdmitted }: { readonly size: number; readonly isAdmitted: boolean }) {
  const stage = new FrontStage()
  if (isAdmitted) stage.join(CONNECTION, 'pump')
  else stage.open(CONNECTION)
  for (let at = 0; at < bytes.length; at += size) stage.receive(CONNECTION, bytes.slice(at, at + size))
  stage.turn()
  for (const { ticket } of stage.log) stage.commit(ticket)
  stage.front.peerClosed(CONNECTION, stage.now)
  stage.turn()
  assert.equal(stage.front.connections, 0, 'a connection that went is forgotten')
  assert.equal(stage.front.pendingBytes, 0, 'nothing is held for a connection that went')
  const kept = stage.logged()
  for (const { deviceId } of kept) assert.equal(deviceId, 'pump', 'what is kept is of the device that was let in')
  return { core: stage.core, written: stage.packets(CONNECTION), kept, closed: [...stage.closed] }
}
