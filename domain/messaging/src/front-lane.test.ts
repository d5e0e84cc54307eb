import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectBytes, FrontStage } from './testing/front-stage.ts'

const EVENTS = 'devices/pump/messages/events/'

function pubacks(stage: FrontStage, connection: number): readonly number[] {
  return stage.packets(connection).flatMap((packet) => (packet.type === 'puback' ? [packet.packetId] : []))
}

test('outside the full lane telemetry is neither taken nor acknowledged, is told of once, and the connection lives', () => {
  const stage = new FrontStage()
  stage.join(1, 'pump')
  stage.tell({ kind: 'lane', connection: 1, lane: 'remediation' })
  for (const id of [1, 2, 3]) stage.publish(1, EVENTS, id)
  stage.turn()
  assert.deepEqual(stage.log, [])
  assert.deepEqual(stage.told('withheld'), [{ kind: 'withheld', connection: 1 }])
  assert.deepEqual(pubacks(stage, 1), [])
  assert.ok(!stage.closed.has(1))
  stage.send(1, { type: 'pingreq' })
  stage.turn()
  assert.ok(stage.packets(1).some((packet) => packet.type === 'pingresp'))
})

test('back in the full lane it is taken again; each time of being narrowed is told of', () => {
  const stage = new FrontStage()
  stage.join(1, 'pump')
  stage.tell({ kind: 'lane', connection: 1, lane: 'renewal' })
  stage.publish(1, EVENTS, 1)
  stage.tell({ kind: 'lane', connection: 1, lane: 'full' })
  stage.publish(1, EVENTS, 2)
  stage.turn()
  assert.equal(stage.log.length, 1)
  stage.commit(stage.log[0]?.ticket ?? -1)
  stage.turn()
  assert.deepEqual(pubacks(stage, 1), [2])
  stage.tell({ kind: 'lane', connection: 1, lane: 'renewal' })
  stage.publish(1, EVENTS, 3)
  stage.turn()
  assert.equal(stage.told('withheld').length, 2)
})

test('a lane that is told before the admission holds from the first message on', () => {
  const stage = new FrontStage()
  stage.open(1)
  stage.receive(1, connectBytes('pump'))
  const admission = { deviceId: 'pump', generationId: 'g', authMethod: '{}', sessionPresent: false, subscriptions: [] }
  stage.tell({ kind: 'lane', connection: 1, lane: 'remediation' }, { kind: 'admit', connection: 1, admission })
  stage.publish(1, EVENTS, 1)
  stage.turn()
  assert.deepEqual(stage.log, [])
  stage.join(2, 'other')
  stage.publish(2, 'devices/other/messages/events/', 1)
  stage.turn()
  assert.equal(stage.log.length, 1, 'another connection is not touched')
})

test('a will is not published from outside the full lane', () => {
  const stage = new FrontStage()
  stage.join(1, 'pump', { will: { topic: EVENTS, payload: new Uint8Array(1), qos: 1, retain: false } })
  stage.tell({ kind: 'lane', connection: 1, lane: 'remediation' })
  stage.front.peerClosed(1, stage.now)
  stage.turn()
  assert.deepEqual(stage.log, [])
})
