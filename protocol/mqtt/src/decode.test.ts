import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from './decode.ts'
import { DecodeError, type DecodeErrorCode } from './errors.ts'
import { SUBSCRIBE_FILTERS_MAX } from './limits.ts'

/** Bytes from hex and quoted text: `30 05 0001 'a' ...`. */
function wire(notation: string): Uint8Array {
  const parts = notation.match(/'[^']*'|[0-9a-f]{2}/g) ?? []
  return Buffer.concat(parts.map((it) => (it.startsWith("'") ? Buffer.from(it.slice(1, -1)) : Buffer.from(it, 'hex'))))
}

/** A packet with this first byte and body; its length is counted. */
function packet(first: string, body: string): Uint8Array {
  const bytes = wire(body)
  assert.ok(bytes.length < 128)
  return Buffer.concat([wire(first), Uint8Array.of(bytes.length), bytes])
}

function refuses(rule: string, code: DecodeErrorCode, ...packets: readonly Uint8Array[]): void {
  test(rule, () => {
    for (const bytes of packets)
      assert.throws(
        () => decode(bytes),
        (error) => error instanceof DecodeError && error.code === code,
        Buffer.from(bytes).toString('hex'),
      )
  })
}

function accepts(rule: string, bytes: Uint8Array, expected: object): void {
  test(rule, () => {
    const packet = decode(bytes)
    assert.deepEqual(packet.type === 'publish' ? { ...packet, payload: Buffer.from(packet.payload) } : packet, expected)
  })
}

const MQTT4 = "0004 'MQTT' 04"

// §2.2 Fixed header
refuses('§2.2.1: types 0 and 15 are reserved', 'packet-type', wire('00 00'), wire('f0 00'), wire('ff 00'))
refuses(
  '[MQTT-2.2.2-2]: reserved flags must be as listed',
  'header-flags',
  wire('11 00'),
  wire('21 02 00 00'),
  wire('42 02 00 01'),
  wire('58 02 00 01'),
  wire('60 02 00 01'),
  wire('63 02 00 01'),
  wire('71 02 00 01'),
  wire('a0 02 00 01'),
  wire('c1 00'),
  wire('d8 00'),
  wire('e2 00'),
)
refuses('[MQTT-3.8.1-1]: SUBSCRIBE has the flags 0010', 'header-flags', packet('80', "0001 0001 'a' 00"))
refuses(
  '§2.2.3: a remaining length of five bytes',
  'remaining-length',
  wire('30 80 80 80 80 01'),
  wire('30 ff ff ff ff'),
)
refuses(
  '§2.2.3, table 2.4: a remaining length in more bytes than it needs',
  'remaining-length',
  wire('c0 80 00'),
  wire("30 85 00 0001 'a' 'xy'"),
  wire('c0 80 80 80 00'),
)
refuses('an incomplete header or body', 'truncated', wire(''), wire('30'), wire('30 80'), wire("30 05 0001 'a'"))
refuses('bytes after the packet', 'trailing-bytes', wire('c0 00 00'), wire('c0 00 c0 00'))

test('§2.2.3, table 2.4: the borders of each size of the remaining length', () => {
  for (const length of [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const digits = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4
    const header: number[] = [0x30]
    for (let rest = length, i = 0; i < digits; i++, rest >>= 7) header.push((rest & 0x7f) | (i < digits - 1 ? 0x80 : 0))
    const bytes = Buffer.concat([Uint8Array.from(header), wire("0001 'a'"), new Uint8Array(length - 3)])
    const packet = decode(bytes)
    assert.ok(packet.type === 'publish' && packet.payload.length === length - 3)
  }
})

// §1.5.3 Strings
refuses(
  '[MQTT-1.5.3-1]: ill-formed UTF-8, overlong forms and surrogates in any string',
  'utf8',
  packet('30', '0001 ff'),
  packet('30', '0002 c0 80'),
  packet('30', '0003 ed a0 80'),
  packet('30', '0004 f4 90 80 80'),
  packet('30', "0002 'a' c3"),
  packet('30', "0003 e2 98 'a'"),
  packet('82', '0001 0001 ff 00'),
  packet('a2', '0001 0001 80'),
  packet('10', `${MQTT4} 02 0000 0001 ff`),
  packet('10', `${MQTT4} 82 0000 0000 0001 ff`),
  packet('10', `${MQTT4} 06 0000 0000 0001 ff 0000`),
)
refuses(
  '[MQTT-1.5.3-2]: U+0000 in any string',
  'utf8',
  packet('30', "0003 'a' 00 'b'"),
  packet('30', '0004 c3 a9 00 78'),
  packet('82', '0001 0001 00 00'),
  packet('a2', '0001 0001 00'),
  packet('10', `${MQTT4} 02 0000 0001 00`),
)
accepts('[MQTT-1.5.3-3]: U+FEFF is a character and stays', packet('30', "0004 efbbbf 'a'"), {
  type: 'publish',
  topic: '\uFEFFa',
  payload: Buffer.alloc(0),
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
})

// §3.1 CONNECT
accepts('§3.1: CONNECT with the least there can be', packet('10', `${MQTT4} 02 0000 0000`), {
  type: 'connect',
  protocolLevel: 4,
  clientId: '',
  cleanSession: true,
  keepAliveSeconds: 0,
})
accepts(
  '§3.1: CONNECT with everything',
  packet('10', `${MQTT4} f4 00b4 0002 'd1' 0003 'a/b' 0002 'ab' 0001 'u' 0002 00ff`.replace("'ab'", '01 02')),
  {
    type: 'connect',
    protocolLevel: 4,
    clientId: 'd1',
    cleanSession: false,
    keepAliveSeconds: 180,
    username: 'u',
    password: Uint8Array.of(0, 255),
    will: { topic: 'a/b', payload: Uint8Array.of(1, 2), qos: 2, retain: true },
  },
)
test('what CONNECT holds is copied: it outlives the bytes it came from', () => {
  const bytes = packet('10', `${MQTT4} c6 0000 0001 'c' 0001 't' 0001 'w' 0001 'u' 0001 'p'`)
  const connect = decode(bytes)
  bytes.fill(0)
  assert.ok(connect.type === 'connect')
  assert.deepEqual([connect.password, connect.will?.payload], [Uint8Array.from([0x70]), Uint8Array.from([0x77])])
})
refuses(
  '[MQTT-3.1.2-1]: a protocol name other than MQTT',
  'protocol-name',
  packet('10', "0006 'MQIsdp' 03 02 0000 0001 'a'"),
  packet('10', "0004 'mqtt' 04 02 0000 0001 'a'"),
  packet('10', "0000 04 02 0000 0001 'a'"),
)
refuses(
  '[MQTT-3.1.2-2]: a level other than 4, whatever follows it',
  'protocol-level',
  packet('10', "0004 'MQTT' 03 02 0000 0001 'a'"),
  packet('10', "0004 'MQTT' 05 02 0000 00 0001 'a'"),
  packet('10', "0004 'MQTT' 84 02 0000 0001 'a'"),
  packet('10', "0004 'MQTT' 05"),
)
refuses('[MQTT-3.1.2-3]: the reserved connect flag', 'connect-flags', packet('10', `${MQTT4} 03 0000 0000`))
refuses(
  '[MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15]: will QoS or will retain without a will',
  'connect-flags',
  packet('10', `${MQTT4} 0a 0000 0000`),
  packet('10', `${MQTT4} 12 0000 0000`),
  packet('10', `${MQTT4} 22 0000 0000`),
)
refuses('[MQTT-3.1.2-14]: will QoS 3', 'qos', packet('10', `${MQTT4} 1e 0000 0000 0001 'a' 0000`))
refuses(
  '[MQTT-3.1.2-22]: a password without a user name',
  'connect-flags',
  packet('10', `${MQTT4} 42 0000 0000 0001 'p'`),
)
refuses(
  '§3.1.3: a field that the flags promise is missing',
  'truncated',
  packet('10', `${MQTT4}`),
  packet('10', `${MQTT4} 02 00`),
  packet('10', `${MQTT4} 02 0000`),
  packet('10', `${MQTT4} 02 0000 0002 'a'`),
  packet('10', `${MQTT4} 82 0000 0000`),
  packet('10', `${MQTT4} c2 0000 0000 0001 'u'`),
  packet('10', `${MQTT4} 06 0000 0000 0001 'a'`),
  wire('10 00'),
)
refuses('[MQTT-3.1.3-1]: more fields than the flags say', 'trailing-bytes', packet('10', `${MQTT4} 02 0000 0000 00`))
refuses(
  '[MQTT-4.7.1-1] [MQTT-4.7.3-1]: a will to a wildcard or to nothing',
  'topic-name',
  packet('10', `${MQTT4} 06 0000 0000 0003 'a/#' 0000`),
  packet('10', `${MQTT4} 06 0000 0000 0000 0000`),
)

// §3.2 CONNACK
accepts('§3.2: CONNACK', wire('20 02 01 00'), { type: 'connack', sessionPresent: true, returnCode: 0 })
accepts('§3.2.2.3: CONNACK that refuses', wire('20 02 00 05'), {
  type: 'connack',
  sessionPresent: false,
  returnCode: 5,
})
refuses(
  '§3.2.2: reserved CONNACK flags and codes, [MQTT-3.2.2-4] a refusal with a session',
  'connack-fields',
  wire('20 02 02 00'),
  wire('20 02 00 06'),
  wire('20 02 01 05'),
)
refuses('§3.2.1: CONNACK is two bytes long', 'truncated', wire('20 01 00'))
refuses('§3.2.1: CONNACK is no longer than two bytes', 'trailing-bytes', wire('20 03 00 00 00'))

// §3.3 PUBLISH
accepts('§3.3: PUBLISH of QoS 0', packet('31', "0003 'a/b' 'hi'"), {
  type: 'publish',
  topic: 'a/b',
  payload: Buffer.from('hi'),
  qos: 0,
  retain: true,
  dup: false,
  packetId: 0,
})
accepts('§3.3: PUBLISH of QoS 1, sent again, without a payload', packet('3a', "0003 'a/b' ffff"), {
  type: 'publish',
  topic: 'a/b',
  payload: Buffer.alloc(0),
  qos: 1,
  retain: false,
  dup: true,
  packetId: 65_535,
})
refuses('[MQTT-3.3.1-4]: QoS 3', 'qos', packet('36', "0001 'a' 0001"), packet('3e', "0001 'a' 0001"))
refuses('[MQTT-3.3.1-2]: DUP at QoS 0', 'dup', packet('38', "0001 'a'"))
refuses('[MQTT-2.3.1-1]: packet id 0', 'packet-id', packet('32', "0001 'a' 0000"), packet('34', "0001 'a' 0000"))
refuses(
  '[MQTT-3.3.2-2]: wildcards in a topic name',
  'topic-name',
  packet('30', "0003 'a/#'"),
  packet('30', "0003 'a/+'"),
  packet('30', "0003 'a+b'"),
  packet('30', "0003 c3a9 '#'"),
)
refuses('[MQTT-4.7.3-1]: an empty topic name', 'topic-name', packet('30', '0000'), packet('32', '0000 0001'))
refuses(
  '§3.3.2: a topic or packet id that does not fit',
  'truncated',
  wire('30 00'),
  packet('30', '00'),
  packet('30', "0002 'a'"),
  packet('32', "0001 'a'"),
  packet('32', "0001 'a' 00"),
  packet('30', "ffff 'a'"),
)

// §3.4 to §3.7, §3.11
for (const [first, type] of [
  ['40', 'puback'],
  ['50', 'pubrec'],
  ['62', 'pubrel'],
  ['70', 'pubcomp'],
  ['b0', 'unsuback'],
] as const) {
  accepts(`§3: ${type}`, packet(first, '0102'), { type, packetId: 258 })
  refuses(`[MQTT-2.3.1-1]: ${type} with id 0 answers nothing`, 'packet-id', packet(first, '0000'))
  refuses(`§3: ${type} without its id`, 'truncated', packet(first, '01'), packet(first, ''))
  refuses(`§3: ${type} with more than its id`, 'trailing-bytes', packet(first, '0001 00'))
}

// §3.8 SUBSCRIBE
accepts('§3.8: SUBSCRIBE', packet('82', "000a 0003 'a/+' 01 0001 '#' 02"), {
  type: 'subscribe',
  packetId: 10,
  requests: [
    { filter: 'a/+', qos: 1 },
    { filter: '#', qos: 2 },
  ],
})
refuses('[MQTT-3.8.3-3]: SUBSCRIBE without a filter', 'no-filters', packet('82', '0001'))
refuses('[MQTT-2.3.1-1]: SUBSCRIBE with id 0', 'packet-id', packet('82', "0000 0001 'a' 00"))
refuses(
  '[MQTT-3.8.3-4]: QoS 3 and reserved bits of a request',
  'qos',
  packet('82', "0001 0001 'a' 03"),
  packet('82', "0001 0001 'a' 04"),
  packet('82', "0001 0001 'a' 80"),
)
refuses('§3.8.3: a request without its QoS', 'truncated', packet('82', "0001 0001 'a'"), packet('82', '0001 00'))
refuses(
  '[MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1]: bad filters',
  'topic-filter',
  packet('82', '0001 0000 00'),
  packet('82', "0001 0002 'a#' 00"),
  packet('82', "0001 0003 '#/a' 00"),
  packet('82', "0001 0002 'a+' 00"),
  packet('82', "0001 0002 '+a' 00"),
  packet('a2', "0001 0002 '##'"),
  packet('a2', '0001 0000'),
)

// §3.9 SUBACK, §3.10 UNSUBSCRIBE
accepts('§3.9: SUBACK', packet('90', '0001 00 01 02 80'), { type: 'suback', packetId: 1, codes: [0, 1, 2, 128] })
refuses('[MQTT-3.9.3-2]: reserved SUBACK codes', 'suback-code', packet('90', '0001 03'), packet('90', '0001 81'))
refuses('§3.9.3: SUBACK without a code', 'truncated', packet('90', '0001'))
accepts('§3.10: UNSUBSCRIBE', packet('a2', "0001 0001 'a' 0003 'b/#'"), {
  type: 'unsubscribe',
  packetId: 1,
  filters: ['a', 'b/#'],
})
refuses('[MQTT-3.10.3-2]: UNSUBSCRIBE without a filter', 'no-filters', packet('a2', '0001'))

test('a SUBSCRIBE of very many filters is refused, not stored', () => {
  const request = wire("0001 'a' 00")
  const of = (count: number): Uint8Array => {
    const body = Buffer.concat([wire('0001'), ...Array.from({ length: count }, () => request)])
    return Buffer.concat([Uint8Array.of(0x82, (body.length & 0x7f) | 0x80, body.length >> 7), body])
  }
  const most = decode(of(SUBSCRIBE_FILTERS_MAX))
  assert.ok(most.type === 'subscribe' && most.requests.length === SUBSCRIBE_FILTERS_MAX)
  assert.throws(
    () => decode(of(SUBSCRIBE_FILTERS_MAX + 1)),
    (error) => error instanceof DecodeError && error.code === 'too-many-filters',
  )
})

// §3.12 to §3.14
for (const [first, type] of [
  ['c0', 'pingreq'],
  ['d0', 'pingresp'],
  ['e0', 'disconnect'],
] as const) {
  accepts(`§3: ${type}`, wire(`${first} 00`), { type })
  refuses(`§3: ${type} has no body`, 'trailing-bytes', packet(first, '00'))
}

test('no message of an error holds what the peer sent', () => {
  const secret = 'hunter2'
  for (const bytes of [
    packet('10', `${MQTT4} 43 0000 0000 0007 '${secret}'`),
    packet('30', `0009 '${secret}/#'`),
    packet('82', `0001 0009 '${secret}##' 00`),
  ]) {
    try {
      decode(bytes)
      assert.fail('it was accepted')
    } catch (error) {
      assert.ok(error instanceof DecodeError && !`${error.message} ${error.stack}`.includes(secret))
    }
  }
})
