/**
 * Rows 15 to 17 of azure-iot.md §12 by hand-made bytes: what other SDKs than Node's go by (statuses and versions in the
 * topic), and what no SDK would send.
 */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { HubProcess } from './hub-process.ts'
import { connectPacket, publishPacket, RAW_TRANSPORTS, RawMqtt, subscribePacket } from './raw-mqtt.ts'
import { keyOf, sas } from './sas.ts'

const hub = await HubProcess.start('free')
hub.trust()
after(() => hub.stop())

const GET = '$iothub/twin/GET/?$rid='
const PATCH = '$iothub/twin/PATCH/properties/reported/?$rid='

interface Answer {
  readonly topic: string
  readonly body: string
}

for (const transport of RAW_TRANSPORTS) {
  async function connected(row: string): Promise<RawMqtt> {
    const deviceId = `${row}-${transport}`
    const key = keyOf((await hub.device({ deviceId })).primary)
    return reconnected(deviceId, key)
  }

  async function reconnected(deviceId: string, key: string): Promise<RawMqtt> {
    const raw = await RawMqtt.open(hub, transport)
    const password = sas({ resource: `localhost%2Fdevices%2F${deviceId}`, key, seconds: 600 })
    const username = `localhost/${deviceId}/?api-version=2019-10-01`
    raw.send(connectPacket({ clientId: deviceId, username, password, isClean: true }))
    assert.equal((await raw.next())?.cmd, 'connack')
    raw.send(subscribePacket([['$iothub/twin/res/#', 1]]))
    assert.equal((await raw.next())?.cmd, 'suback')
    return raw
  }

  /** The next answer, whatever else comes before it. */
  async function answer(raw: RawMqtt): Promise<Answer> {
    for (;;) {
      const one = await raw.next()
      assert.ok(one !== undefined, 'the hub closed the connection')
      if (one.cmd === 'publish') return { topic: one.topic, body: one.payload.toString() }
    }
  }

  function refusalOf({ topic, body }: Answer): readonly [topic: string, errorCode: number] {
    const { errorCode, trackingId, message, timestampUtc } = JSON.parse(body)
    for (const text of [trackingId, message, timestampUtc]) assert.equal(typeof text, 'string')
    return [topic, errorCode]
  }

  test(`rows 15, 16 ${transport}: statuses and versions stand in the topic, request ids come back as sent`, async () => {
    const raw = await connected('w15')
    for (const [body, rid] of [
      ['', '1'],
      [' ', 'a-b'],
      ['{"not":"read"}', '%24x'],
    ] as const) {
      raw.send(publishPacket(`${GET}${rid}`, body, { qos: 0 }))
      const { topic, body: twin } = await answer(raw)
      assert.equal(topic, `$iothub/twin/res/200/?$rid=${rid}`)
      assert.equal(twin, '{"desired":{"$version":1},"reported":{"$version":1}}')
    }
    // At QoS 1, as Python does: acknowledged, and answered.
    raw.send(publishPacket(`${PATCH}2`, '{"a":{"b":1}}', { qos: 1, packetId: 9 }))
    assert.deepEqual(await answer(raw), { topic: '$iothub/twin/res/204/?$rid=2&$version=2', body: '' })
    raw.send(publishPacket(`${PATCH}3&$version=2`, '{"a":null}', { qos: 0 }))
    assert.equal((await answer(raw)).topic, '$iothub/twin/res/204/?$rid=3&$version=3')
    raw.send(publishPacket(`${PATCH}4&$version=2`, '{"a":1}', { qos: 0 }))
    assert.deepEqual(refusalOf(await answer(raw)), ['$iothub/twin/res/412/?$rid=4', 412_001])
    raw.destroy()
  })

  test(`row 16 ${transport}: whatever the body is, the answer is JSON with status and code`, async () => {
    const raw = await connected('w16')
    const bodies: readonly (readonly [string | Uint8Array, number])[] = [
      ['', 400_006],
      ['{', 400_006],
      [Uint8Array.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), 400_006],
      ['{"a":1,"a":2}', 400_006],
      ['{"a":"\\ud800"}', 400_006],
      ['['.repeat(200_000), 400_004],
      ['{"a":'.repeat(40_000), 400_004],
      ['{"$version":1,"$x":1}', 400_004],
      ['{"a":1e400}', 400_004],
      [`{"a":${'9'.repeat(100_000)}}`, 400_004],
      [`{"${'k'.repeat(2_000)}":1}`, 400_004],
      [`{"a":"${'x'.repeat(200_000)}"}`, 400_004],
      [`{"a":[${'{},'.repeat(50_000)}{}]}`, 400_004],
      ['null', 400_004],
    ]
    for (const [at, [body, errorCode]] of bodies.entries()) {
      raw.send(publishPacket(`${PATCH}r${at}`, body, { qos: 0 }))
      assert.deepEqual(refusalOf(await answer(raw)), [`$iothub/twin/res/400/?$rid=r${at}`, errorCode])
    }
    raw.send(publishPacket(`${PATCH}p`, '{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}}}', { qos: 0 }))
    assert.equal((await answer(raw)).topic, '$iothub/twin/res/204/?$rid=p&$version=2')
    raw.send(publishPacket(`${GET}g`, '', { qos: 0 }))
    assert.equal(
      (await answer(raw)).body,
      '{"desired":{"$version":1},"reported":{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}},"$version":2}}',
    )
    raw.destroy()
  })

  test(`row 16 ${transport}: what is no request ends the connection, and the twin stays`, async () => {
    const deviceId = `w16-no-${transport}`
    const key = keyOf((await hub.device({ deviceId })).primary)
    for (const [topic, body] of [
      ['$iothub/twin/GET/', ''],
      ['$iothub/twin/GET/?$rid=', ''],
      ['$iothub/twin/PATCH/properties/desired/?$rid=1', '{}'],
      ['$iothub/twin/PATCH/properties/reported/?$rid=1&$version=x', '{}'],
      ['$iothub/twin/res/200/?$rid=1', '{}'],
      [`${PATCH}big`, `{"a":"${'x'.repeat(262_144)}"}`],
    ] as const) {
      const raw = await reconnected(deviceId, key)
      raw.send(publishPacket(topic, body, { qos: 0 }))
      assert.deepEqual(await raw.rest(), [], topic)
    }
    const raw = await reconnected(deviceId, key)
    raw.send(publishPacket(`${GET}g`, '', { qos: 0 }))
    assert.equal((await answer(raw)).body, '{"desired":{"$version":1},"reported":{"$version":1}}')
    raw.destroy()
  })

  test(`row 16 ${transport}: a flood of reports ends with its connection; every answer is true, others are served`, async () => {
    const deviceId = `w16-flood-${transport}`
    const key = keyOf((await hub.device({ deviceId })).primary)
    const other = await connected('w16-other')
    const raw = await reconnected(deviceId, key)
    const flood = Array.from({ length: 2_000 }, (_, at) =>
      publishPacket(`${PATCH}${at}`, `{"n":${at},"k${at % 50}":"${'x'.repeat(500)}"}`, { qos: 0 }),
    )
    for (const one of flood) raw.send(one)
    other.send(publishPacket(`${PATCH}o`, '{"fine":true}', { qos: 0 }))
    assert.equal((await answer(other)).topic, '$iothub/twin/res/204/?$rid=o&$version=2')
    const versions = (await raw.rest()).flatMap((one) => {
      const version = one.cmd === 'publish' ? /res\/204\/.*version=(\d+)$/.exec(one.topic)?.[1] : undefined
      return version === undefined ? [] : [Number(version)]
    })
    assert.deepEqual(
      versions,
      versions.map((_, at) => at + 2),
    )
    const again = await reconnected(deviceId, key)
    // What the flood left to be done still counts as the device's; no answer to it reaches this connection.
    let got: Answer
    do {
      again.send(publishPacket(`${GET}g`, '', { qos: 0 }))
      got = await answer(again)
    } while (got.topic === '$iothub/twin/res/429/?$rid=g')
    assert.equal(got.topic, '$iothub/twin/res/200/?$rid=g', got.body)
    const { reported } = JSON.parse(got.body)
    // What is on its way when the next connection takes the place over is dropped, so little may have been taken.
    assert.ok(reported.$version > versions.length && reported.$version < 2_001, `${reported.$version}`)
    // In their order; some between may have been refused with 429, whose answers went with the connection.
    const taken = reported.$version - 1
    assert.ok((reported.n ?? -1) >= taken - 1, `${taken} taken, the last of them ${reported.n}`)
    again.destroy()
    other.destroy()
  })
}
