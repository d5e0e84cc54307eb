/**
 * What devices say inside MQTT: user name, SAS token, topic with its property bag, DPS body. Whether the packets come
 * whole or byte by byte, what is read out of them is the same as without MQTT around it.
 */

import assert from 'node:assert/strict'
import { DpsError, parseRegisterRequest, parseRequestTopic } from '@holdfast/dps'
import { HubFormatError, parsePublishTopic, parseUserName, readMessageProperties } from '@holdfast/iothub'
import { encode, isTopicName, type Packet, PacketReader, SERVER_LIMITS } from '@holdfast/mqtt'
import { parseSasToken, TokenError } from '@holdfast/tokens'
import type { FuzzTarget } from './target.ts'

const TOKEN =
  'SharedAccessSignature sr=hub.example%2Fdevices%2Fa&sig=%2BBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bBm%2bA%3D&se=1900000000'

/** Parts of the input, divided by line feeds: user name, password, topic, payload. */
export const carriedTarget: FuzzTarget = {
  name: 'carried-in-mqtt',
  seeds: [
    `hub.example/a/?api-version=2021-04-12\n${TOKEN}\ndevices/a/messages/events/%24.mid=1&x=%E2%82%AC\n{"t":1}`,
    `0ne1/registrations/a/api-version=2019-03-31\n${TOKEN}\n$dps/registrations/PUT/iotdps-register/?$rid=1\n{"registrationId":"a","payload":{"x":[1]}}`,
  ].map((text) => Uint8Array.from(Buffer.from(text))),
  run(bytes) {
    const parts = split(bytes)
    const [userName, token, topic] = [parts[0], parts[1], parts[2]].map((part) => textOf(part))
    if (userName === undefined || token === undefined || topic === undefined || !isTopicName(topic)) return
    if (userName.includes('\0')) return
    const payload = parts[3] ?? new Uint8Array(0)
    const wire = Buffer.concat([
      encode({
        type: 'connect',
        protocolLevel: 4,
        clientId: 'a',
        cleanSession: true,
        keepAliveSeconds: 60,
        username: userName,
        password: Buffer.from(token),
      }),
      encode({ type: 'publish', topic, payload, qos: 1, retain: false, dup: false, packetId: 1 }),
    ])
    const plain = [...readConnect(userName, token), ...readPublish(topic, payload)]
    assert.deepEqual(carried(wire, wire.length), plain, 'whole')
    assert.deepEqual(carried(wire, 1), plain, 'byte by byte')
  },
}

/** At most four parts; the last keeps its line feeds. */
function split(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  let from = 0
  while (parts.length < 3) {
    const at = bytes.indexOf(0x0a, from)
    if (at < 0) break
    parts.push(bytes.slice(from, at))
    from = at + 1
  }
  return [...parts, bytes.slice(from)]
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes ?? new Uint8Array(0))
  } catch {
    return undefined
  }
}

/** What comes out of the packets in `wire`, pushed in pieces of `size` bytes that are overwritten afterwards. */
function carried(wire: Uint8Array, size: number): readonly unknown[] {
  const reader = new PacketReader(SERVER_LIMITS)
  const seen: unknown[] = []
  for (let at = 0; at < wire.length; at += size) {
    const piece = Uint8Array.from(wire.subarray(at, at + size))
    reader.push(piece)
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) seen.push(...read(packet))
    piece.fill(0xee)
  }
  return seen
}

function read(packet: Packet): readonly unknown[] {
  if (packet.type === 'connect') {
    return readConnect(packet.username ?? '', Buffer.from(packet.password ?? []).toString('utf8'))
  }
  return packet.type === 'publish' ? readPublish(packet.topic, packet.payload) : [packet]
}

function readConnect(userName: string, token: string): readonly unknown[] {
  return [unlessRefused(() => parseUserName(userName, 'a')), unlessRefused(() => parseSasToken(token))]
}

function readPublish(topic: string, payload: Uint8Array): readonly unknown[] {
  const place = unlessRefused(() => parsePublishTopic(topic, { deviceId: 'a' }))
  const bag = typeof place === 'object' && place.kind === 'telemetry' ? place.bag : ''
  return [
    place,
    unlessRefused(() => readMessageProperties(bag)),
    parseRequestTopic(topic),
    unlessRefused(() => parseRegisterRequest(payload)),
  ]
}

/** The value, or the code of the refusal: both must be the same either way. */
function unlessRefused<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof HubFormatError || error instanceof TokenError || error instanceof DpsError) return error.code
    throw error
  }
}
