/** Packet identifiers for what we send; §2.3.1. */

import { PACKET_ID_MAX } from './limits.ts'

/**
 * The next identifier after `last` that is not in use [MQTT-2.3.1-2], for `inUse` of far fewer than 65535.
 * @throws TypeError when all are in use: the caller's bound was missing.
 */
export function nextPacketId(last: number, isInUse: (packetId: number) => boolean): number {
  let packetId = last
  for (let tries = 0; tries < PACKET_ID_MAX; tries++) {
    packetId = packetId === PACKET_ID_MAX ? 1 : packetId + 1
    if (!isInUse(packetId)) return packetId
  }
  throw new TypeError('every packet identifier is in use')
}
