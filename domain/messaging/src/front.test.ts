import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { encode } from '@holdfast/mqtt'
import { connectBytes, FrontStage, publishPacket } from './testing/front-stage.ts'

const EVENTS = 'devices/pump/messages/events/'
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('opening a connection', () => {
  it('asks the core with the claim, the token and what TLS knows, and answers as the core decides', () => {
    const stage = new FrontStage()
    stage.open(1)
    const username = 'hub.example/pump/?api-version=2021-04-12&model-id=dtmi:x:y;1&DeviceClientType=node'
    stage.receive(1, connectBytes('pump', { username, password: text('SharedAccessSignature sr=x') }))
    stage.turn()
    assert.deepEqual(stage.told('connect'), [
      {
        kind: 'connect',
        connection: 1,
        claim: {
          service: 'hub',
          hostName: 'hub.example',
          deviceId: 'pump',
          apiVersion: '2021-04-12',
          modelId: 'dtmi:x:y;1',
          clientType: 'node',
          cleanSession: false,
        },
        token: 'SharedAccessSignature sr=x',
        peer: { address: '10.0.0.1', port: 40_000, transport: 'mqtt', tlsVersion: 'TLSv1.3', tlsFingerprint: 'f' },
      },
    ])
    assert.deepEqual(stage.packets(1), [])
    const admission = { deviceId: 'pump', generationId: 'g', authMethod: '{}', sessionPresent: true, subscriptions: [] }
    stage.tell({ kind: 'admit', connection: 1, admission })
    assert.deepEqual(stage.packets(1), [{ type: 'connack', sessionPresent: true, returnCode: 0 }])
  })

  it('passes a refusal on, closes, and says closed once', () => {
    const stage = new FrontStage()
    stage.open(1)
    stage.receive(1, connectBytes('pump'))
    stage.tell({ kind: 'refuse', connection: 1, code: 5, reason: 'wrong key' })
    stage.front.peerClosed(1, stage.now)
    stage.turn()
    assert.deepEqual(stage.packets(1), [{ type: 'connack', sessionPresent: false, returnCode: 5 }])
    assert.deepEqual(stage.told('closed'), [{ kind: 'closed', connection: 1, reason: 'refused', detail: 'wrong key' }])
    assert.ok(stage.closed.has(1))
    assert.equal(stage.front.connections, 0)
  })

  it('refuses without asking: 2 for ids that disagree, 4 for user names and passwords that are none', () => {
    const cases: readonly [number, Parameters<typeof connectBytes>[0], Parameters<typeof connectBytes>[1]][] = [
      [2, 'other', { username: 'hub.example/pump/?api-version=2021-04-12' }],
      [4, 'pump', { username: 'no user name' }],
      [4, 'pump', { password: Uint8Array.of(0xff, 0xfe) }],
      [4, 'pump', { username: 'hub.example/pump/?api-version=yesterday' }],
    ]
    for (const [code, clientId, more] of cases) {
      const stage = new FrontStage()
      stage.open(1)
      stage.receive(1, connectBytes(clientId, more))
      stage.turn()
      assert.deepEqual(stage.packets(1), [{ type: 'connack', sessionPresent: false, returnCode: code }])
      assert.deepEqual(stage.told('connect'), [])
      assert.deepEqual(
        stage.told('turned-away').map(({ reason, count }) => [reason, count]),
        [['refused', 1]],
      )
      assert.equal(stage.front.connections, 0)
    }
  })

  it('closes on a will that the client may not publish [MQTT-3.1.2-8]', () => {
    const wills = [
      { topic: 'devices/other/messages/events/', qos: 1 as const, reason: 'topic-refused' },
      { topic: `${EVENTS}a=%zz`, qos: 1 as const, reason: 'topic-refused' },
      { topic: '$iothub/twin/GET/?$rid=1', qos: 0 as const, reason: 'topic-refused' },
      { topic: EVENTS, qos: 2 as const, reason: 'protocol-violation' },
    ]
    for (const { topic, qos, reason } of wills) {
      const stage = new FrontStage()
      stage.open(1)
      stage.receive(1, connectBytes('pump', { will: { topic, payload: text('gone'), qos, retain: false } }))
      stage.turn()
      assert.deepEqual(stage.packets(1), [])
      assert.deepEqual(
        stage.told('turned-away').map((report) => report.reason),
        [reason],
      )
    }
  })

  it('ends a peer that says nothing, and forgets it', () => {
    const stage = new FrontStage()
    stage.open(1)
    stage.pass(11_000)
    assert.ok(stage.closed.has(1))
    assert.equal(stage.front.connections, 0)
    assert.equal(stage.told('turned-away')[0]?.reason, 'opening-timeout')
  })

  it('holds no more than an opening packet for an unknown peer', () => {
    const stage = new FrontStage()
    stage.open(1)
    stage.receive(1, Uint8Array.of(0x10, 0xff, 0xff, 0x03))
    assert.ok(stage.closed.has(1))
  })

  it('ignores verdicts on connections that have gone meanwhile', () => {
    const stage = new FrontStage()
    stage.open(1)
    stage.receive(1, connectBytes('pump'))
    stage.front.peerClosed(1, stage.now)
    stage.tell(
      { kind: 'refuse', connection: 1, code: 5, reason: '' },
      { kind: 'close', connection: 9, reason: 'refused' },
    )
    stage.turn()
    assert.deepEqual(stage.told('closed'), [{ kind: 'closed', connection: 1, reason: 'peer-closed' }])
  })

  it('turns away an address that was refused too often, tells it as a count, and lets others in', () => {
    const stage = new FrontStage()
    for (let i = 0; i < 1_000; i++) {
      stage.open(i, '10.6.6.6')
      stage.receive(i, text('GET / HTTP/1.1\r\n'))
    }
    stage.turn()
    stage.open(5_000, '10.0.0.2')
    assert.equal(stage.front.connections, 1)
    stage.pass(2_000)
    const reports = stage.told('turned-away')
    assert.ok(reports.length <= 4, String(reports.length))
    assert.equal(
      reports.reduce((sum, { count }) => sum + count, 0),
      1_000,
    )
    assert.ok(reports.some(({ reason, count }) => reason === 'throttled' && count >= 899))
    stage.open(5_001, '10.6.6.6')
    assert.equal(stage.front.connections, 2, 'the allowance fills up again')
  })

  it('does not blame an address for wrong credentials: who has good ones behind it is heard', () => {
    const stage = new FrontStage()
    for (let i = 0; i < 1_000; i++) {
      stage.open(i, '10.6.6.6')
      stage.receive(i, connectBytes('pump'))
      stage.tell({ kind: 'refuse', connection: i, code: 5, reason: 'wrong key' })
    }
    stage.turn()
    stage.open(5_000, '10.6.6.6')
    assert.equal(stage.front.connections, 1)
  })

  it('takes no more connections than it may', () => {
    const stage = new FrontStage({ limits: { connectionsMax: 2 } })
    for (const connection of [1, 2, 3]) stage.open(connection)
    assert.deepEqual([...stage.closed], [3])
  })
})

describe('telemetry', () => {
  it('is acknowledged when, and only when, the log has committed it, in one write', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    stage.packets(1)
    stage.send(1, ...[11, 12, 13].map((packetId) => publishPacket(`${EVENTS}a=b`, packetId, `body ${packetId}`)))
    assert.deepEqual(stage.log, [])
    stage.turn()
    assert.equal(stage.log.length, 1)
    assert.deepEqual(stage.packets(1), [])
    const writes = stage.writes.get(1) ?? 0
    stage.commit(0)
    assert.deepEqual(
      stage.packets(1),
      [11, 12, 13].map((packetId) => ({ type: 'puback', packetId })),
    )
    assert.equal(stage.writes.get(1), writes + 1)
    assert.deepEqual(
      stage
        .logged()
        .map(({ deviceId, bag, generationId, enqueuedTime }) => [deviceId, bag, generationId, enqueuedTime]),
      [11, 12, 13].map(() => ['pump', 'a=b', 'g1', stage.wall]),
    )
    assert.equal(stage.front.pendingBytes, 0)
  })

  it('keeps two appends out at most; what comes meanwhile is one append more', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    for (let packetId = 1; packetId <= 50; packetId++) {
      stage.publish(1, EVENTS, packetId)
      stage.turn()
    }
    assert.equal(stage.log.length, 2)
    stage.commit(0)
    stage.turn()
    assert.equal(stage.log.length, 3)
    assert.equal(stage.log[2]?.batches[0]?.count, 48)
    stage.commit(1)
    stage.commit(2)
    assert.equal(stage.packets(1).filter(({ type }) => type === 'puback').length, 50)
  })

  it('keeps what makes a message: module, model, will, retain, QoS 0', () => {
    const stage = new FrontStage()
    const username = 'hub.example/pump/filter/?api-version=2021-04-12&model-id=dtmi:x:y;1'
    stage.join(1, 'pump/filter', { username })
    stage.send(1, { ...publish('devices/pump/modules/filter/messages/events/%24.on=o/', 0), retain: true })
    stage.turn()
    const [message] = stage.logged()
    assert.deepEqual(
      [message?.deviceId, message?.moduleId, message?.modelId, message?.bag, message?.isRetained, message?.isWill],
      ['pump', 'filter', 'dtmi:x:y;1', '%24.on=o', true, false],
    )
    stage.commit(0)
    assert.deepEqual(
      stage.packets(1).map(({ type }) => type),
      ['connack'],
    )
  })

  it('ends the connection on what Azure closes for', () => {
    const cases: readonly [string, Uint8Array][] = [
      ['topic-refused', encode(publish('devices/other/messages/events/', 1))],
      ['topic-refused', encode(publish('devices/pump/modules/m/messages/events/', 1))],
      ['topic-refused', encode(publish('some/topic', 1))],
      ['topic-refused', encode(publish('$iothub/twin/GET/', 1))],
      ['malformed', encode(publish(`${EVENTS}a=%f`, 1))],
      ['protocol-violation', encode({ ...publish(EVENTS, 1), qos: 2 })],
      ['too-large', encode(publish(EVENTS, 1, new Uint8Array(256 * 1024 + 1)))],
      ['too-large', encode(publish(`${EVENTS}a=${'b'.repeat(100)}`, 1, new Uint8Array(256 * 1024 - 50)))],
      ['malformed', Uint8Array.of(0xf0, 0)],
      ['topic-refused', encode({ type: 'subscribe', packetId: 1, requests: [{ filter: '#', qos: 1 }] })],
      ['topic-refused', encode({ type: 'subscribe', packetId: 1, requests: [{ filter: EVENTS, qos: 1 }] })],
    ]
    for (const [reason, bytes] of cases) {
      const stage = new FrontStage()
      stage.join(1, 'pump')
      stage.receive(1, bytes)
      stage.turn()
      assert.deepEqual(
        stage.told('closed').map((closed) => closed.reason),
        [reason],
      )
      assert.deepEqual(stage.log, [])
      assert.ok(stage.closed.has(1))
    }
  })

  it('counts properties decoded against the 256 KB', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    const bag = `k=${'%C3%A9'.repeat(100)}`
    stage.send(1, publishPacket(EVENTS + bag, 1, new Uint8Array(256 * 1024 - 201)))
    stage.turn()
    assert.equal(stage.log.length, 1)
    assert.deepEqual(stage.told('closed'), [])
  })

  it('says closed only when nothing of the connection is on its way to the log', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    stage.publish(1, EVENTS, 1)
    stage.turn()
    stage.publish(1, EVENTS, 2)
    stage.tell({ kind: 'close', connection: 1, reason: 'taken-over' })
    stage.turn()
    assert.ok(stage.closed.has(1))
    assert.deepEqual(stage.told('closed'), [])
    stage.commit(0)
    stage.turn()
    assert.deepEqual(stage.told('closed'), [])
    stage.commit(1)
    stage.turn()
    assert.deepEqual(stage.told('closed'), [{ kind: 'closed', connection: 1, reason: 'taken-over' }])
    assert.equal(stage.logged().length, 2)
    assert.equal(stage.front.connections, 0)
  })

  it('acknowledges other publications behind telemetry that came before [MQTT-4.6.0-2]', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    stage.packets(1)
    stage.publish(1, EVENTS, 1)
    stage.turn()
    stage.publish(1, '$iothub/methods/res/200/?$rid=7', 2)
    stage.turn()
    assert.deepEqual(stage.packets(1), [])
    stage.commit(0)
    assert.deepEqual(stage.packets(1), [
      { type: 'puback', packetId: 1 },
      { type: 'puback', packetId: 2 },
    ])
    stage.publish(1, '$iothub/methods/res/200/?$rid=7', 3)
    assert.deepEqual(stage.packets(1), [{ type: 'puback', packetId: 3 }])
  })

  it('seals with the newest key', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    stage.tell({ kind: 'data-key', epoch: 2, key: new Uint8Array(32).fill(1) })
    stage.publish(1, EVENTS, 1)
    stage.turn()
    assert.equal(stage.log[0]?.batches[0]?.epoch, 2)
  })

  it('tells the core which connections were active', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump')
    stage.join(2, 'idle')
    for (let i = 1; i < 5; i++) stage.publish(1, EVENTS, i)
    stage.pass(20_000)
    assert.deepEqual(stage.told('activity'), [{ kind: 'activity', connections: [1] }])
  })
})

describe('a will', () => {
  const will = { topic: `${EVENTS}why=power`, payload: text('gone'), qos: 1 as const, retain: true }

  it('becomes telemetry when the connection is lost, and closed waits for it', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump', { will })
    stage.front.peerClosed(1, stage.now)
    stage.turn()
    const [message] = stage.logged()
    assert.deepEqual([message?.isWill, message?.isRetained, message?.bag], [true, true, 'why=power'])
    assert.deepEqual(stage.told('closed'), [])
    stage.commit(0)
    stage.turn()
    assert.deepEqual(stage.told('closed'), [{ kind: 'closed', connection: 1, reason: 'peer-closed' }])
  })

  it('is published after silence, a violation, expiry or take-over', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump', { will, keepAliveSeconds: 10 })
    stage.join(2, 'pump', { will })
    stage.join(3, 'pump', { will, expires: timestampOf(stage.wall + 5_000) })
    stage.join(4, 'pump', { will })
    stage.receive(2, Uint8Array.of(0xf0, 0))
    stage.tell({ kind: 'close', connection: 4, reason: 'taken-over' })
    stage.pass(16_000)
    for (const ticket of stage.log.map((append) => append.ticket)) stage.commit(ticket)
    stage.turn()
    const reasons = new Map(stage.told('closed').map(({ connection, reason }) => [connection, reason]))
    assert.deepEqual(
      [1, 2, 3, 4].map((connection) => reasons.get(connection)),
      ['keep-alive', 'malformed', 'token-expired', 'taken-over'],
    )
    assert.equal(stage.logged().filter(({ isWill }) => isWill).length, 4)
  })

  it('is forgotten after DISCONNECT [MQTT-3.14.4-3], and when the credential was cut off', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump', { will })
    stage.join(2, 'pump', { will })
    stage.send(1, { type: 'disconnect' })
    stage.tell({ kind: 'close', connection: 2, reason: 'credential-revoked' })
    stage.turn()
    assert.deepEqual(stage.log, [])
    assert.equal(stage.told('closed').length, 2)
  })

  it('is not held without bound', () => {
    const stage = new FrontStage({ limits: { willBytesMax: 70 } })
    stage.join(1, 'pump', { will })
    stage.join(2, 'pump', { will })
    stage.open(3)
    stage.receive(3, connectBytes('pump', { will }))
    assert.deepEqual(stage.packets(3), [{ type: 'connack', sessionPresent: false, returnCode: 3 }])
    stage.tell({ kind: 'close', connection: 1, reason: 'identity-disabled' })
    stage.open(4)
    stage.receive(4, connectBytes('pump', { will }))
    assert.deepEqual(stage.packets(4), [], 'a will that is gone makes room')
  })
})

function publish(...args: Parameters<typeof publishPacket>) {
  const packet = publishPacket(...args)
  if (packet.type !== 'publish') throw new TypeError('a PUBLISH is a PUBLISH')
  return packet
}
