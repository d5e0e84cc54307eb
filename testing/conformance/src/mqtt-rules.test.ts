/** Row 25 of azure-iot.md §12: the rules of MQTT 3.1.1 as section 3 bends them, by hand-made bytes over TLS and WebSocket. */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { HubProcess } from './hub-process.ts'
import {
  type ConnectWish,
  connectPacket,
  DISCONNECT,
  lengthOf,
  packet,
  PINGREQ,
  publishPacket,
  RAW_TRANSPORTS,
  RawMqtt,
  subscribePacket,
  text,
  unsubscribePacket,
} from './raw-mqtt.ts'
import { keyOf, sas } from './sas.ts'
import { eventually } from './sdk-client.ts'

const hub = await HubProcess.start('free')
hub.trust()
after(() => hub.stop())

const VERSION = '?api-version=2021-04-12'
const tokens = new Map<string, string>()

/** CONNECT of a device that exists; it is made at the first call. */
async function wishOf(deviceId: string): Promise<ConnectWish & { readonly password: string }> {
  const known = tokens.get(deviceId)
  const password =
    known ?? sas({ resource: `localhost%2Fdevices%2F${deviceId}`, key: await keyFor(deviceId), seconds: 600 })
  tokens.set(deviceId, password)
  return { clientId: deviceId, username: `localhost/${deviceId}/${VERSION}`, password }
}

async function keyFor(deviceId: string): Promise<string> {
  return keyOf((await hub.device({ deviceId })).primary)
}

/** What is kept of a device, when there is something. */
async function keptAfter(deviceId: string, count: number): Promise<Api.Message[]> {
  let messages: Api.Message[] = []
  await eventually(async () => {
    messages = await hub.messages(deviceId)
    return messages.length >= count
  }, `${deviceId} has ${messages.length} messages of ${count}`)
  assert.equal(messages.length, count)
  return messages
}

for (const transport of RAW_TRANSPORTS) {
  const name = transport
  const idOf = (row: string): string => `${row}-${name}`
  const open = (): Promise<RawMqtt> => RawMqtt.open(hub, transport)

  const connected = async (
    wish: ConnectWish,
  ): Promise<{ readonly raw: RawMqtt; readonly isSessionPresent: boolean }> => {
    const raw = (await open()).send(connectPacket(wish))
    const connack = await raw.next()
    assert.ok(connack?.cmd === 'connack' && connack.returnCode === 0, JSON.stringify(connack))
    return { raw, isSessionPresent: connack.sessionPresent }
  }

  /** Asserts that the hub answers a CONNECT with `code` and closes. */
  const refusedWith = async (code: number, bytes: Uint8Array): Promise<void> => {
    const packets = await (await open()).send(bytes).rest()
    const [connack] = packets
    assert.ok(connack?.cmd === 'connack' && packets.length === 1, JSON.stringify(packets))
    assert.deepEqual([connack.returnCode, connack.sessionPresent], [code, false])
  }

  /** Asserts that the hub closes a connection that was let in, without another word, and keeps nothing of it. */
  const closes = async (deviceId: string, what: string, ...bytes: readonly Uint8Array[]): Promise<void> => {
    const { raw } = await connected(await wishOf(deviceId))
    assert.deepEqual(await raw.send(...bytes).rest(), [], what)
    assert.deepEqual(await hub.messages(deviceId), [], what)
  }

  // Most of these wait for the hub, not for the processor.
  suite(`row 25 over ${name}`, { concurrency: 4 }, () => {
    test(`row 25 ${name}: CONNACK 0, whole and byte by byte`, async () => {
      const wish = await wishOf(idOf('connack'))
      const { raw } = await connected(wish)
      raw.send(DISCONNECT)
      assert.deepEqual(await raw.rest(), [])
      const slow = await open()
      for (const byte of connectPacket(wish)) slow.send(Buffer.from([byte]))
      assert.equal((await slow.next())?.cmd, 'connack')
      slow.destroy()
    })

    test(`row 25 ${name}: CONNACK 1 for another version of MQTT`, async () => {
      const wish = await wishOf(idOf('version'))
      await refusedWith(1, connectPacket({ ...wish, level: 3 }))
      await refusedWith(1, connectPacket({ ...wish, level: 5 }))
      // Of a protocol with another name, that of MQTT 3.1 among them, nothing more is read (§3.1.2.1).
      for (const protocolName of ['MQIsdp', 'mqtt', '']) {
        assert.deepEqual(await (await open()).send(connectPacket({ ...wish, level: 3, protocolName })).rest(), [])
      }
    })

    test(`row 25 ${name}: CONNACK 2 for a client id that is none, or not that of the user name`, async () => {
      const wish = await wishOf(idOf('client-id'))
      await refusedWith(2, connectPacket({ ...wish, clientId: '' }))
      await refusedWith(2, connectPacket({ ...wish, clientId: 'another' }))
      await refusedWith(2, connectPacket({ ...wish, clientId: `${wish.clientId}//x` }))
      await refusedWith(2, connectPacket({ ...wish, username: `localhost/another/${VERSION}` }))
    })

    test(`row 25 ${name}: CONNACK 4 for a user name that is none`, async () => {
      const wish = await wishOf(idOf('user-name'))
      const { clientId, password } = wish
      await refusedWith(4, connectPacket({ clientId, password: text(password), username: '' }))
      await refusedWith(4, connectPacket({ ...wish, username: 'nothing of the kind' }))
      await refusedWith(4, connectPacket({ ...wish, username: `localhost/${clientId}/?api-version=` }))
      await refusedWith(4, connectPacket({ clientId }))
    })

    test(`row 25 ${name}: CONNACK 5 for a credential that is not good`, async () => {
      const wish = await wishOf(idOf('credential'))
      const { clientId, username } = wish
      assert.ok(username !== undefined)
      await refusedWith(5, connectPacket({ clientId, username }))
      await refusedWith(5, connectPacket({ ...wish, password: 'SharedAccessSignature' }))
      await refusedWith(5, connectPacket({ ...wish, password: '' }))
      await refusedWith(5, connectPacket({ ...wish, username: `other.example/${clientId}/${VERSION}` }))
      const other = await wishOf(idOf('credential-other'))
      await refusedWith(5, connectPacket({ ...wish, password: other.password }))
    })

    test(`row 25 ${name}: closes on what must not come first, or a second time`, async () => {
      for (const first of [PINGREQ, DISCONNECT, publishPacket('x', 'y'), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
        assert.deepEqual(await (await open()).send(first).rest(), [])
      }
      const deviceId = idOf('second')
      await closes(deviceId, 'a second CONNECT [MQTT-3.1.0-2]', connectPacket(await wishOf(deviceId)))
    })

    test(`row 25 ${name}: QoS 0 and 1 are kept, QoS 2 closes`, async () => {
      const deviceId = idOf('qos')
      const topic = `devices/${deviceId}/messages/events/`
      const { raw } = await connected(await wishOf(deviceId))
      raw.send(publishPacket(topic, 'zero', { qos: 0 }), publishPacket(topic, 'one', { packetId: 7 }))
      raw.send(publishPacket(topic, 'again', { packetId: 65_535, dup: true }))
      const acknowledged = [await raw.next(), await raw.next()]
      assert.deepEqual(
        acknowledged.map((one) => one?.cmd === 'puback' && one.messageId),
        [7, 65_535],
      )
      assert.deepEqual(await raw.send(publishPacket(topic, 'two', { qos: 2 })).rest(), [])
      assert.deepEqual(
        (await keptAfter(deviceId, 3)).map(({ body }) => body),
        ['zero', 'one', 'again'],
      )
    })

    test(`row 25 ${name}: RETAIN becomes the property mqtt-retain`, async () => {
      const deviceId = idOf('retain')
      const { raw } = await connected(await wishOf(deviceId))
      raw.send(publishPacket(`devices/${deviceId}/messages/events/a=1&$.ct=text%2Fplain`, 'kept', { retain: true }))
      assert.equal((await raw.next())?.cmd, 'puback')
      raw.destroy()
      const [message] = await keptAfter(deviceId, 1)
      assert.deepEqual(message?.properties, { a: '1', 'mqtt-retain': 'true' })
      assert.equal(message.systemProperties.contentType, 'text/plain')
    })

    test(`row 25 ${name}: a will becomes telemetry when the connection is lost, and not after DISCONNECT`, async () => {
      const deviceId = idOf('will')
      const topic = `devices/${deviceId}/messages/events/why=lost`
      for (const qos of [0, 1] as const) {
        const wish = { ...(await wishOf(deviceId)), will: { topic, payload: `will ${qos}`, qos } }
        const { raw } = await connected(wish)
        raw.destroy()
        const messages = await keptAfter(deviceId, qos + 1)
        assert.equal(messages[qos]?.body, `will ${qos}`)
        assert.deepEqual(messages[qos].properties, { why: 'lost', 'iothub-MessageType': 'Will' })
      }
      const { raw } = await connected({ ...(await wishOf(deviceId)), will: { topic, payload: 'unsent' } })
      await raw.send(DISCONNECT).rest()
      // A misuse is a loss as well.
      const misused = await connected({ ...(await wishOf(deviceId)), will: { topic, payload: 'misused' } })
      await misused.raw.send(publishPacket('no/topic/of/ours', 'x')).rest()
      const bodies = (await keptAfter(deviceId, 3)).map(({ body }) => body)
      assert.deepEqual(bodies, ['will 0', 'will 1', 'misused'])
    })

    test(`row 25 ${name}: a will for a topic that is not the client's is refused`, async () => {
      const wish = await wishOf(idOf('bad-will'))
      const topics = ['devices/another/messages/events/', 'anything', `devices/${wish.clientId}/messages/devicebound/`]
      for (const topic of topics) {
        assert.deepEqual(
          await (await open()).send(connectPacket({ ...wish, will: { topic, payload: 'x' } })).rest(),
          [],
        )
      }
      const own = `devices/${wish.clientId}/messages/events/`
      const withTwo = connectPacket({ ...wish, will: { topic: own, payload: 'x', qos: 2 } })
      assert.deepEqual(await (await open()).send(withTwo).rest(), [])
    })

    test(`row 25 ${name}: closes on publishing to topics that are not the client's`, async () => {
      const deviceId = idOf('topics')
      const other = await wishOf(idOf('topics-other'))
      for (const topic of [
        `devices/${other.clientId}/messages/events/`,
        `devices/${deviceId}/modules/m/messages/events/`,
        `devices/${deviceId}/messages/devicebound/`,
        `devices/${deviceId}/messages/events`.replace('events', 'event'),
        `devices/${deviceId}/messages/events/%zz=1`,
        `/devices/${deviceId}/messages/events/`,
        '$SYS/broker/version',
        '$iothub/anything/?$rid=1',
        '$dps/registrations/PUT/iotdps-register/?$rid=1',
        'home/kitchen',
      ]) {
        await closes(deviceId, topic, publishPacket(topic, 'x'))
      }
      assert.deepEqual(await hub.messages(other.clientId), [])
    })

    test(`row 25 ${name}: SUBSCRIBE grants QoS 0 and 1, and 1 for 2; UNSUBSCRIBE; PINGREQ`, async () => {
      const deviceId = idOf('subscribe')
      const { raw } = await connected(await wishOf(deviceId))
      const filters = [
        [`devices/${deviceId}/messages/devicebound/#`, 1],
        ['$iothub/twin/res/#', 0],
        ['$iothub/twin/PATCH/properties/desired/#', 0],
        ['$iothub/methods/POST/#', 2],
      ] as const
      raw.send(subscribePacket(filters, 11))
      const suback = await raw.next()
      assert.ok(suback?.cmd === 'suback')
      assert.deepEqual([suback.messageId, suback.granted], [11, [1, 0, 0, 1]])
      raw.send(publishPacket('$iothub/twin/GET/?$rid=r%201', ' ', { qos: 0 }))
      const answer = await raw.next()
      assert.ok(answer?.cmd === 'publish')
      assert.match(answer.topic, /^\$iothub\/twin\/res\/\d{3}\/\?\$rid=r%201/)
      assert.equal(answer.qos, 0)
      raw.send(unsubscribePacket(['$iothub/twin/res/#', 'never/subscribed'], 12))
      const unsuback = await raw.next()
      assert.ok(unsuback?.cmd === 'unsuback')
      assert.equal(unsuback.messageId, 12)
      raw.send(publishPacket('$iothub/twin/GET/?$rid=2', ' ', { qos: 0 }), PINGREQ)
      assert.equal((await raw.next())?.cmd, 'pingresp', 'nothing is sent to who is not subscribed')
      raw.destroy()
    })

    test(`row 25 ${name}: closes on subscribing to topics that are not the client's`, async () => {
      const deviceId = idOf('filters')
      for (const filter of [
        '#',
        '+/+/messages/devicebound/#',
        'devices/another/messages/devicebound/#',
        `devices/${deviceId}/messages/events/#`,
        `devices/+/messages/devicebound/#`,
        '$iothub/#',
        '$SYS/#',
        '$dps/registrations/res/#',
      ]) {
        await closes(deviceId, filter, subscribePacket([[filter, 1]]))
      }
    })

    test(`row 25 ${name}: a session outlives its connection with clean 0, and ends with clean 1`, async () => {
      const wish = await wishOf(idOf('session'))
      const asked = publishPacket('$iothub/twin/GET/?$rid=9', ' ', { qos: 0 })
      const first = await connected(wish)
      assert.equal(first.isSessionPresent, false)
      first.raw.send(subscribePacket([['$iothub/twin/res/#', 0]]))
      assert.equal((await first.raw.next())?.cmd, 'suback')
      await first.raw.send(DISCONNECT).rest()
      const second = await connected(wish)
      assert.equal(second.isSessionPresent, true)
      assert.equal((await second.raw.send(asked).next())?.cmd, 'publish', 'the subscription is there')
      second.raw.send(asked, asked)
      for (const which of ['first', 'second']) {
        assert.equal((await second.raw.next())?.cmd, 'publish', `the ${which} of two questions is answered`)
      }
      assert.deepEqual(await second.raw.send(DISCONNECT).rest(), [])
      // Lost, not ended.
      const lost = await connected(wish)
      assert.equal(lost.isSessionPresent, true)
      lost.raw.destroy()
      const third = await connected(wish)
      assert.equal(third.isSessionPresent, true)
      const clean = await connected({ ...wish, isClean: true })
      assert.equal(clean.isSessionPresent, false)
      assert.deepEqual(await third.raw.rest(), [], 'the older connection is closed')
      assert.equal((await clean.raw.send(asked, PINGREQ).next())?.cmd, 'pingresp', 'the subscription is gone')
      await clean.raw.send(DISCONNECT).rest()
      const anew = await connected(wish)
      assert.equal(anew.isSessionPresent, false)
      anew.raw.destroy()
    })

    test(`row 25 ${name}: closes after one and a half keep-alives without a word`, async () => {
      const wish = await wishOf(idOf('keep-alive'))
      const since = performance.now()
      const { raw } = await connected({ ...wish, keepAliveSeconds: 1 })
      assert.deepEqual(await raw.rest(), [])
      const lasted = performance.now() - since
      assert.ok(lasted > 1_400 && lasted < 10_000, `${lasted} ms`)
    })

    test(`row 25 ${name}: closes on what is too large`, async () => {
      const deviceId = idOf('size')
      const topic = `devices/${deviceId}/messages/events/`
      await closes(deviceId, 'a body over 256 KB', publishPacket(topic, Buffer.alloc(256 * 1024 + 1)))
      await closes(deviceId, 'announced, and closed before it is sent', Buffer.from([0x32]), lengthOf(100_000_000))
      // A CONNECT may hold less: nobody has said who he is.
      const huge = Buffer.concat([Buffer.from([0x10]), lengthOf(1_000_000), Buffer.alloc(2_000)])
      assert.deepEqual(await (await open()).send(huge).rest(), [])
    })

    test(`row 25 ${name}: closes on malformed packets`, async () => {
      const deviceId = idOf('malformed')
      const topic = `devices/${deviceId}/messages/events/`
      const cases: Readonly<Record<string, Uint8Array>> = {
        'a length of five bytes': Buffer.from([0x32, 0xff, 0xff, 0xff, 0xff, 0x01]),
        'type 0': Buffer.from([0x00, 0x00]),
        'type 15': Buffer.from([0xf0, 0x00]),
        'QoS 3': publishPacket(topic, 'x', { qos: 3 }),
        'packet id 0': publishPacket(topic, 'x', { packetId: 0 }),
        'DUP with QoS 0': publishPacket(topic, 'x', { qos: 0, dup: true }),
        'a topic of no UTF-8': publishPacket(Buffer.from([0xc3, 0x28]), 'x'),
        'a topic with a surrogate': publishPacket(Buffer.from([0xed, 0xa0, 0x80]), 'x'),
        'a topic with NUL': publishPacket(`${topic}\0`, 'x'),
        'a topic with a wildcard': publishPacket(`${topic}#`, 'x'),
        'an empty topic': publishPacket('', 'x'),
        'a topic longer than the packet': packet(0x32, Buffer.from([0xff, 0xff, 0x61])),
        'SUBSCRIBE with wrong flags': Buffer.concat([Buffer.from([0x80]), subscribePacket([['#', 0]]).subarray(1)]),
        'SUBSCRIBE of nothing': subscribePacket([]),
        'SUBSCRIBE with QoS 3': subscribePacket([['$iothub/twin/res/#', 3]]),
        'PINGREQ with a body': packet(0xc0, Buffer.from([1])),
        'CONNACK from a client': Buffer.from([0x20, 0x02, 0x00, 0x00]),
        'PUBREL out of nowhere': Buffer.from([0x62, 0x02, 0x00, 0x01]),
      }
      for (const [what, bytes] of Object.entries(cases)) await closes(deviceId, what, bytes)
      const wish = await wishOf(deviceId)
      const whole = connectPacket(wish)
      const flagged = Buffer.from(whole)
      flagged[9 + (whole.length > 129 ? 1 : 0)] = 0xc1 // The reserved flag [MQTT-3.1.2-3].
      assert.deepEqual(await (await open()).send(flagged).rest(), [])
    })
  })
}

test('row 25 mqtt-ws: text frames, another path and another sub-protocol are refused', async () => {
  const at = `wss://localhost:${hub.ready.httpsPort}`
  const ended = (url: string, protocols: string[], then?: (socket: WebSocket) => void): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, protocols)
      socket.onclose = ({ code }) => resolve(code)
      socket.onopen = () => (then === undefined ? socket.close(1000) : then(socket))
    })
  assert.equal(await ended(`${at}/$iothub/websocket`, ['mqtt']), 1000)
  assert.equal(await ended(`${at}/$iothub/websocket?iothub-no-client-cert=true`, ['other', 'mqtt']), 1000)
  assert.equal(await ended(`${at}/$iothub/websocket`, ['mqtt'], (socket) => socket.send('text')), 1003)
  for (const [path, protocols] of [
    ['/$iothub/websocket', []],
    ['/$iothub/websocket', ['soap']],
    ['/elsewhere', ['mqtt']],
  ] as const) {
    assert.equal(await ended(`${at}${path}`, [...protocols]), 1006, `${path} ${protocols.join()}`)
  }
})
