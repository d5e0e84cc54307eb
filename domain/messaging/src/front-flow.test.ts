import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { Packet } from '@holdfast/mqtt'
import { connectBytes, FrontStage, publishPacket } from './testing/front-stage.ts'

const EVENTS = 'devices/pump/messages/events/'
const DEVICEBOUND = 'devices/pump/messages/devicebound/#'
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

function subscribe(packetId: number, ...filters: readonly string[]): Packet {
  return { type: 'subscribe', packetId, requests: filters.map((filter) => ({ filter, qos: 2 as const })) }
}

function joined(options?: ConstructorParameters<typeof FrontStage>[0]): FrontStage {
  const stage = new FrontStage(options)
  stage.join(1, 'pump')
  stage.packets(1)
  return stage
}

function reasons(stage: FrontStage): readonly string[] {
  stage.turn()
  return stage.told('closed').map(({ reason }) => reason)
}

describe('subscriptions', () => {
  it('are granted at QoS 1 at most, kept by the core, and answered only then', () => {
    const stage = joined()
    stage.send(1, subscribe(5, DEVICEBOUND, '$iothub/twin/res/#'))
    stage.turn()
    assert.deepEqual(stage.packets(1), [])
    assert.deepEqual(stage.told('subscriptions'), [
      {
        kind: 'subscriptions',
        connection: 1,
        ticket: 0,
        subscriptions: [
          { filter: DEVICEBOUND, qos: 1 },
          { filter: '$iothub/twin/res/#', qos: 1 },
        ],
      },
    ])
    stage.tell({ kind: 'subscriptions-kept', connection: 1, ticket: 0 })
    assert.deepEqual(stage.packets(1), [{ type: 'suback', packetId: 5, codes: [1, 1] }])
  })

  it('that are kept already are answered at once', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump', { subscriptions: [{ filter: DEVICEBOUND, qos: 1 }] })
    stage.packets(1)
    stage.send(1, subscribe(6, DEVICEBOUND))
    stage.turn()
    assert.deepEqual(stage.told('subscriptions'), [])
    assert.deepEqual(stage.packets(1), [{ type: 'suback', packetId: 6, codes: [1] }])
  })

  it('end with UNSUBSCRIBE, answered in order behind what was asked before', () => {
    const stage = joined()
    stage.send(1, subscribe(1, DEVICEBOUND), { type: 'unsubscribe', packetId: 2, filters: [DEVICEBOUND, 'unknown'] })
    stage.send(1, { type: 'unsubscribe', packetId: 3, filters: ['unknown'] })
    stage.turn()
    assert.deepEqual(
      stage.told('subscriptions').map(({ subscriptions }) => subscriptions.length),
      [1, 0, 0],
    )
    for (const ticket of [0, 1, 2]) stage.tell({ kind: 'subscriptions-kept', connection: 1, ticket })
    assert.deepEqual(
      stage.packets(1).map(({ type }) => type),
      ['suback', 'unsuback', 'unsuback'],
    )
  })

  it('of a flood end the connection', () => {
    const stage = joined()
    for (let i = 1; i <= 40; i++) stage.send(1, subscribe(i, DEVICEBOUND))
    assert.deepEqual(reasons(stage), ['throttled'])
    assert.ok(stage.told('subscriptions').length <= 20)
  })

  it('are limited in number, in whatever spelling', () => {
    const stage = joined()
    const spellings = Array.from({ length: 11 }, (_, bits) => spelled(bits))
    stage.send(1, subscribe(1, ...spellings.slice(1)))
    assert.deepEqual(reasons(stage), [])
    stage.send(1, subscribe(2, DEVICEBOUND))
    assert.deepEqual(reasons(stage), ['throttled'])
  })

  it('decide what is delivered, and at which QoS', () => {
    const stage = joined()
    stage.send(1, { type: 'subscribe', packetId: 1, requests: [{ filter: '$iothub/methods/POST/#', qos: 0 }] })
    stage.tell({ kind: 'subscriptions-kept', connection: 1, ticket: 0 })
    stage.packets(1)
    const payload = text('{}')
    stage.tell(
      { kind: 'deliver', connection: 1, topic: 'devices/pump/messages/devicebound/a=b', payload, qos: 1 },
      { kind: 'deliver', connection: 1, topic: '$iothub/methods/POST/reboot/?$rid=1', payload, qos: 1 },
    )
    assert.deepEqual(
      stage.packets(1).map((packet) => packet.type === 'publish' && [packet.topic, packet.qos]),
      [['$iothub/methods/POST/reboot/?$rid=1', 0]],
    )
  })
})

describe('publications with a ticket', () => {
  const topic = 'devices/pump/messages/devicebound/a=b'
  function listening(qos: 0 | 1): FrontStage {
    const stage = joined()
    stage.send(1, {
      type: 'subscribe',
      packetId: 1,
      requests: [{ filter: 'devices/pump/messages/devicebound/#', qos }],
    })
    stage.tell({ kind: 'subscriptions-kept', connection: 1, ticket: 0 })
    stage.packets(1)
    return stage
  }

  it('are told to be delivered when they are acknowledged', () => {
    const stage = listening(1)
    stage.tell(
      { kind: 'deliver', connection: 1, topic, payload: text('1'), qos: 1, ticket: 7 },
      { kind: 'deliver', connection: 1, topic, payload: text('2'), qos: 1, ticket: 8 },
    )
    const ids = stage.packets(1).map((packet) => (packet.type === 'publish' ? packet.packetId : 0))
    stage.turn()
    assert.deepEqual(stage.told('delivered'), [])
    stage.send(1, ...ids.map((packetId): Packet => ({ type: 'puback', packetId })))
    stage.turn()
    assert.deepEqual(stage.told('delivered'), [{ kind: 'delivered', connection: 1, tickets: [7, 8] }])
  })

  it('are delivered when written, where QoS 0 was granted', () => {
    const stage = listening(0)
    stage.tell({ kind: 'deliver', connection: 1, topic, payload: text('1'), qos: 1, ticket: 7 })
    stage.turn()
    assert.deepEqual(stage.told('delivered'), [{ kind: 'delivered', connection: 1, tickets: [7] }])
  })

  it('whose topic MQTT does not carry end that connection, and not the front', () => {
    for (const bag of ['a=+', 'x'.repeat(65_536)]) {
      const stage = listening(1)
      const broken = `devices/pump/messages/devicebound/${bag}`
      stage.tell({ kind: 'deliver', connection: 1, topic: broken, payload: text('1'), qos: 1, ticket: 7 })
      stage.turn()
      assert.deepEqual(reasons(stage), ['unavailable'])
      stage.join(2, 'other')
      assert.equal(stage.packets(2).length, 1)
    }
  })

  it('are named when the connection ends before, and go out again under their packet id with DUP', () => {
    const stage = listening(1)
    stage.tell({ kind: 'deliver', connection: 1, topic, payload: text('1'), qos: 1, ticket: 7 })
    const [first] = stage.packets(1)
    assert.ok(first?.type === 'publish')
    stage.front.peerClosed(1, stage.now)
    stage.turn()
    const unacknowledged = [{ ticket: 7, packetId: first.packetId }]
    assert.deepEqual(stage.told('closed'), [{ kind: 'closed', connection: 1, reason: 'peer-closed', unacknowledged }])
    stage.join(2, 'pump', {
      sessionPresent: true,
      subscriptions: [{ filter: 'devices/pump/messages/devicebound/#', qos: 1 }],
    })
    stage.packets(2)
    const againAs = first.packetId
    stage.tell({ kind: 'deliver', connection: 2, topic, payload: text('1'), qos: 1, ticket: 9, againAs })
    const [again] = stage.packets(2)
    assert.ok(again?.type === 'publish')
    assert.deepEqual([again.packetId, again.dup], [againAs, true])
  })
})

/** The same filter, with the letters of `bits` percent-encoded. */
function spelled(bits: number): string {
  const id = Array.from('pump', (c, i) => ((bits >> i) & 1 ? `%${c.charCodeAt(0).toString(16)}` : c)).join('')
  return `devices/${id}/messages/devicebound/#`
}

describe('requests', () => {
  it('for twins go to the core with their body, and are acknowledged', () => {
    const stage = joined()
    stage.publish(1, '$iothub/twin/GET/?$rid=a1', 9, ' ')
    assert.deepEqual(stage.packets(1), [{ type: 'puback', packetId: 9 }])
    stage.turn()
    assert.deepEqual(stage.told('request'), [
      { kind: 'request', connection: 1, request: { kind: 'twin-get', requestId: 'a1' }, payload: text(' ') },
    ])
    assert.deepEqual(reasons(stage), [])
  })

  it('for certificates go to the core like all others', () => {
    const stage = joined()
    stage.publish(1, '$iothub/credentials/POST/issueCertificate/?$rid=a1', 9, '{}')
    stage.turn()
    assert.deepEqual(stage.packets(1), [{ type: 'puback', packetId: 9 }])
    assert.deepEqual(
      stage.told('request').map(({ request }) => request),
      [{ kind: 'certificate-request', requestId: 'a1' }],
    )
    assert.deepEqual(reasons(stage), [])
  })

  it('whose answers nobody subscribed to get none', () => {
    const stage = joined()
    stage.publish(1, '$iothub/twin/PATCH/properties/reported/?$rid=a1', 0, '{}')
    assert.deepEqual(stage.packets(1), [])
  })

  it('of a flood end the connection', () => {
    const stage = joined()
    for (let i = 0; i < 400; i++) stage.publish(1, '$iothub/twin/GET/?$rid=1', 0)
    assert.deepEqual(reasons(stage), ['throttled'])
  })

  it('that answer method calls may be more, and are bounded as well', () => {
    const stage = joined()
    for (let i = 0; i < 900; i++) stage.publish(1, '$iothub/methods/res/200/?$rid=1', 0)
    assert.deepEqual(reasons(stage), [])
    for (let i = 0; i < 200; i++) stage.publish(1, '$iothub/methods/res/200/?$rid=1', 0)
    assert.deepEqual(reasons(stage), ['throttled'])
  })

  it('that are larger than any may be end the connection', () => {
    const stage = joined()
    stage.publish(1, '$iothub/twin/PATCH/properties/reported/?$rid=1', 0, 'x'.repeat(256 * 1024 + 1))
    assert.deepEqual(reasons(stage), ['too-large'])
  })
})

describe('a connection to provisioning', () => {
  function provisioning(): FrontStage {
    const stage = new FrontStage()
    stage.open(1)
    const username = '0ne00000001/registrations/Pump/api-version=2019-03-31&ClientVersion=x'
    stage.receive(1, connectBytes('Pump', { username, cleanSession: true }))
    stage.tell({ kind: 'admit-provisioning', connection: 1, registrationId: 'pump' })
    stage.packets(1)
    return stage
  }

  it('registers and polls, and hears the answers it subscribed to', () => {
    const stage = provisioning()
    stage.send(1, subscribe(1, '$dps/registrations/res/#'))
    stage.publish(1, '$dps/registrations/PUT/iotdps-register/?$rid=r1', 2, '{"registrationId":"Pump"}')
    stage.publish(1, '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=r2&operationId=4.a.b', 3, ' ')
    stage.turn()
    assert.deepEqual(
      stage.packets(1).map(({ type }) => type),
      ['suback', 'puback', 'puback'],
    )
    assert.deepEqual(stage.told('provision'), [
      {
        kind: 'provision',
        connection: 1,
        requestId: 'r1',
        operation: { kind: 'register', body: text('{"registrationId":"Pump"}'), force: false },
      },
      { kind: 'provision', connection: 1, requestId: 'r2', operation: { kind: 'poll', operationId: '4.a.b' } },
    ])
    const topic = '$dps/registrations/res/202/?$rid=r1&retry-after=3'
    stage.tell({ kind: 'deliver', connection: 1, topic, payload: text('{}'), qos: 1 })
    assert.deepEqual(
      stage.packets(1).map((packet) => packet.type === 'publish' && packet.topic),
      [topic],
    )
  })

  it('may do nothing else', () => {
    const bad: readonly [Packet, string][] = [
      [publishPacket('devices/Pump/messages/events/', 1), 'topic-refused'],
      [publishPacket('$dps/registrations/PUT/iotdps-register/?$rid=1', 1, new Uint8Array(40_000)), 'too-large'],
      [subscribe(1, 'devices/Pump/messages/devicebound/#'), 'topic-refused'],
    ]
    for (const [packet, reason] of bad) {
      const stage = provisioning()
      stage.send(1, packet)
      assert.deepEqual(reasons(stage), [reason])
    }
  })
})

describe('time', () => {
  it('ends a connection whose token has expired, by the civil clock', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump', { expires: timestampOf(stage.wall + 60_000), keepAliveSeconds: 0 })
    stage.pass(30_000)
    stage.civilShift -= 20_000 // Somebody has set the clock back.
    stage.pass(45_000)
    assert.deepEqual(reasons(stage), [])
    stage.pass(10_000)
    assert.deepEqual(reasons(stage), ['token-expired'])
  })

  it('does not let in who waited for the verdict until the token expired', () => {
    const stage = new FrontStage()
    stage.join(1, 'pump', { expires: stage.wall })
    assert.deepEqual(stage.packets(1), [{ type: 'connack', sessionPresent: false, returnCode: 5 }])
    assert.deepEqual(reasons(stage), ['token-expired'])
  })

  it('costs idle connections nothing', () => {
    const stage = new FrontStage()
    for (let i = 0; i < 5_000; i++) stage.join(i, `d${i}`, { keepAliveSeconds: 600 })
    let ticks = 0
    const until = stage.now + 60_000
    while ((stage.front.deadline ?? until) < until) {
      stage.pass(Math.max(1, (stage.front.deadline ?? until) - stage.now))
      ticks++
    }
    assert.ok(ticks <= 2, `${ticks} ticks in a minute`)
    assert.equal(stage.front.connections, 5_000)
  })
})

describe('backpressure', () => {
  it('stops reading a connection that has too much unacknowledged, and goes on when half is', () => {
    const stage = joined({ limits: { unacknowledgedMax: 10 } })
    stage.send(1, ...Array.from({ length: 25 }, (_, i) => publishPacket(EVENTS, i + 1)))
    assert.ok(stage.paused.has(1))
    stage.turn()
    assert.equal(stage.log[0]?.batches[0]?.count, 10)
    stage.commit(0)
    assert.ok(stage.paused.has(1), 'the next ten came at once')
    stage.turn()
    stage.commit(1)
    assert.ok(!stage.paused.has(1))
    stage.turn()
    stage.commit(2)
    assert.equal(stage.packets(1).length, 25)
    assert.equal(stage.logged().length, 25)
  })

  it('bounds what waits for a log that takes nothing, for all connections together', () => {
    const stage = new FrontStage({ limits: { pendingBytesMax: 100_000 } })
    for (const connection of [1, 2, 3]) stage.join(connection, 'pump')
    stage.front.fromLog({ kind: 'state', available: false, reason: 'disk-full' }, stage.now)
    for (let round = 0; round < 100; round++) {
      for (const connection of [1, 2, 3]) {
        if (!stage.paused.has(connection)) {
          stage.send(connection, publishPacket(EVENTS, (round % 1000) + 1, 'x'.repeat(5_000)))
        }
      }
      stage.turn()
    }
    assert.equal(stage.front.logUnavailable, 'disk-full')
    assert.ok(stage.front.pendingBytes < 100_000 + 6_000, String(stage.front.pendingBytes))
    assert.equal(stage.paused.size, 3)
    assert.ok([1, 2, 3].every((connection) => stage.packets(connection).every(({ type }) => type === 'connack')))
    let ticket = 0
    while (ticket < stage.log.length) {
      stage.commit(ticket++)
      stage.turn()
    }
    assert.equal(stage.paused.size, 0)
    assert.equal(stage.front.pendingBytes, 0)
  })

  it('wakes who had to wait for others, and takes what it had sent meanwhile', () => {
    const stage = new FrontStage({ limits: { pendingBytesMax: 5_000 } })
    stage.join(1, 'greedy')
    stage.join(2, 'pump')
    stage.publish(1, 'devices/greedy/messages/events/', 1, 'x'.repeat(5_000))
    stage.publish(2, EVENTS, 1)
    assert.deepEqual([...stage.paused], [1, 2])
    stage.turn()
    stage.commit(0)
    assert.deepEqual([...stage.paused], [])
    stage.turn()
    assert.deepEqual(
      stage.logged().map(({ deviceId }) => deviceId),
      ['greedy', 'pump'],
    )
  })

  it('holds up who has more on its way than its share, and nobody else', () => {
    const stage = new FrontStage({ limits: { pendingBytesMax: 1_000_000 } })
    const names = ['greedy', 'loud', 'pump'] as const
    for (const [at, name] of names.entries()) stage.join(at + 1, name)
    const large = 'x'.repeat(50_000)
    for (let round = 1; round <= 40; round++) {
      for (const connection of [1, 2]) {
        if (stage.paused.has(connection)) continue
        stage.publish(connection, `devices/${names[connection - 1]}/messages/events/`, round, large)
      }
      stage.publish(3, EVENTS, round)
      stage.turn()
      assert.ok(!stage.paused.has(3), `round ${round}`)
    }
    assert.deepEqual([...stage.paused], [1, 2])
    // Each got about a quarter of what the other left.
    assert.ok(stage.front.pendingBytes < 500_000, String(stage.front.pendingBytes))
    for (let ticket = 0; ticket < stage.log.length; ticket++) {
      stage.commit(ticket)
      stage.turn()
    }
    assert.equal(stage.paused.size, 0)
    assert.equal(stage.front.pendingBytes, 0)
    const stored = stage.logged().filter(({ deviceId }) => deviceId === 'pump')
    assert.equal(stored.length, 40)
  })

  it('ends a peer that does not read', () => {
    const stage = joined()
    stage.backlog.set(1, 300_000)
    stage.send(1, { type: 'pingreq' })
    assert.deepEqual(reasons(stage), ['slow-reader'])
  })
})

describe('shutdown', () => {
  it('acknowledges what the log takes, then closes', () => {
    const stage = joined()
    stage.join(2, 'idle')
    stage.publish(1, EVENTS, 7)
    stage.turn()
    stage.publish(1, EVENTS, 8)
    stage.tell({ kind: 'shutdown' })
    stage.open(3)
    stage.publish(1, EVENTS, 9)
    stage.turn()
    assert.deepEqual([...stage.closed], [2, 3])
    stage.commit(0)
    stage.turn()
    assert.ok(!stage.closed.has(1))
    stage.commit(1)
    assert.ok(stage.closed.has(1))
    assert.deepEqual(
      stage.packets(1).map((packet) => packet.type === 'puback' && packet.packetId),
      [7, 8],
    )
    assert.deepEqual(reasons(stage), ['shutdown', 'shutdown'])
  })

  it('does not wait for a log that is gone', () => {
    const stage = joined()
    stage.publish(1, EVENTS, 7)
    stage.turn()
    stage.tell({ kind: 'shutdown' })
    stage.pass(4_000)
    assert.ok(stage.closed.has(1))
    assert.deepEqual(stage.packets(1), [])
  })
})
