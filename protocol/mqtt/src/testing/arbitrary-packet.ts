/** Packets of every type that MQTT 3.1.1 can say, for property tests with fast-check. */

import fc from 'fast-check'
import type { Packet, Publish } from '../packet.ts'
import { isTopicFilter } from '../text.ts'

/** With the prototype of a literal, so that `assert.deepEqual` finds them alike. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true })
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((it) => it.replaceAll('\0', ''))
const word = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', 'é', '☂', '𝄞', ' ', '$', '\uFEFF'), maxLength: 6 })
const packetId = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(1, 127, 128, 255, 256, 65_535))
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const bytes = fc.uint8Array({ maxLength: 40 })

/** Topic names: levels of words, empty levels among them. */
export const arbitraryTopicName: fc.Arbitrary<string> = fc
  .array(word, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'))
  .filter((it) => it !== '')

/** Topic filters with and without wildcards. */
export const arbitraryTopicFilter: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('+')), { maxLength: 5 }), fc.constantFrom('', '#', '+', 'end'))
  .map(([levels, last]) => [...levels, last].join('/'))
  .filter(isTopicFilter)

/** PUBLISH at every QoS; now and then large enough for each size of the Remaining Length up to three bytes. */
export const arbitraryPublish: fc.Arbitrary<Publish> = record({
  topic: arbitraryTopicName,
  payload: fc.oneof(
    { weight: 20, arbitrary: bytes },
    { weight: 1, arbitrary: fc.constantFrom(100, 130, 16_400).map((length) => new Uint8Array(length).fill(7)) },
  ),
  qos,
  retain: fc.boolean(),
  isAgain: fc.boolean(),
  id: packetId,
}).map(({ topic, payload, qos, retain, isAgain, id }) => ({
  type: 'publish',
  topic,
  payload,
  qos,
  retain,
  dup: isAgain && qos !== 0,
  packetId: qos === 0 ? 0 : id,
}))

const connect: fc.Arbitrary<Packet> = record({
  clientId: text,
  cleanSession: fc.boolean(),
  keepAliveSeconds: fc.integer({ min: 0, max: 65_535 }),
  login: fc.constantFrom('none', 'name', 'both'),
  username: text,
  password: bytes,
  will: fc.option(record({ topic: arbitraryTopicName, payload: bytes, qos, retain: fc.boolean() }), {
    nil: undefined,
  }),
}).map(({ login, username, password, will, ...rest }) => ({
  type: 'connect',
  protocolLevel: 4,
  ...rest,
  ...(login !== 'none' && { username }),
  ...(login === 'both' && { password }),
  ...(will !== undefined && { will }),
}))

const connack: fc.Arbitrary<Packet> = fc.oneof(
  record({
    type: fc.constant('connack' as const),
    sessionPresent: fc.boolean(),
    returnCode: fc.constant(0 as const),
  }),
  record({
    type: fc.constant('connack' as const),
    sessionPresent: fc.constant(false),
    returnCode: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 5 as const),
  }),
)

const requests = fc.array(record({ filter: arbitraryTopicFilter, qos }), { minLength: 1, maxLength: 4 })
const codes = fc.array(fc.constantFrom(0 as const, 1 as const, 2 as const, 128 as const), {
  minLength: 1,
  maxLength: 4,
})

/** Any packet, of either direction. */
export const arbitraryPacket: fc.Arbitrary<Packet> = fc.oneof(
  { weight: 4, arbitrary: arbitraryPublish },
  connect,
  connack,
  record({
    type: fc.constantFrom(
      'puback' as const,
      'pubrec' as const,
      'pubrel' as const,
      'pubcomp' as const,
      'unsuback' as const,
    ),
    packetId,
  }) as fc.Arbitrary<Packet>,
  record({ type: fc.constant('subscribe' as const), packetId, requests }),
  record({ type: fc.constant('suback' as const), packetId, codes }),
  record({
    type: fc.constant('unsubscribe' as const),
    packetId,
    filters: fc.array(arbitraryTopicFilter, { minLength: 1, maxLength: 4 }),
  }),
  record({ type: fc.constantFrom('pingreq' as const, 'pingresp' as const, 'disconnect' as const) }),
)
