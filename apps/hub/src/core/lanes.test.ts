import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AdmissionGate, AdmissionGates, type ConnectionFacts, type GateVerdict } from '@holdfast/admission'
import { timestampOf } from '@holdfast/base'
import { Lanes } from './lanes.ts'

const PASS: GateVerdict = { kind: 'pass' }
const QUARANTINE: GateVerdict = { kind: 'restrict', lane: 'remediation', code: 'quarantined', detail: 'a copy' }
const REFUSE: GateVerdict = { kind: 'refuse', code: 'network', detail: 'not from there' }

const FACTS: ConnectionFacts = {
  key: { deviceId: 'pump' },
  generationId: 'g',
  basis: { kind: 'device-key', slot: 'primary' },
  lane: 'full',
  address: '192.0.2.1',
  transport: 'mqtt',
  tlsVersion: 'TLSv1.3',
  tlsFingerprint: 'f',
  at: timestampOf(0),
}

function stage() {
  const told: string[] = []
  let verdict: GateVerdict | Error = PASS
  const waiting: (() => void)[] = []
  let isHeld = false
  const gate: AdmissionGate = {
    name: 'gate',
    judge: async () => {
      const now = verdict
      if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
      if (now instanceof Error) throw now
      return now
    },
    admitted: ({ key }) => told.push(`admitted ${key.deviceId}`),
    ended: ({ key }, reason) => told.push(`ended ${key.deviceId} ${reason}`),
  }
  const gates = new AdmissionGates()
  gates.add(gate)
  const lanes = new Lanes({
    gates,
    changed: ({ connection, verdict: { lane } }) => told.push(`${connection} ${lane}`),
    refused: (_front, connection, { code }) => told.push(`${connection} refused ${code}`),
    fault: (error) => told.push(String(error)),
  })
  return {
    lanes,
    gates,
    told,
    set: (next: GateVerdict | Error) => {
      verdict = next
    },
    hold: () => {
      isHeld = true
    },
    release: () => {
      isHeld = false
      for (const resume of waiting.splice(0)) resume()
    },
    settled: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

test('the full lane needs no word; a narrower one is told before the connection is in', async () => {
  const { lanes, told, set } = stage()
  await lanes.enter(0, 1, FACTS)
  assert.deepEqual(told, [])
  set(QUARANTINE)
  await lanes.enter(0, 2, FACTS)
  assert.deepEqual(told, ['2 remediation'])
  assert.equal(lanes.laneOf(0, 2), 'remediation')
})

test('a mind that changes narrows, widens or ends a live connection; one that stays says nothing', async () => {
  const { lanes, gates, told, set, settled } = stage()
  await lanes.enter(0, 1, FACTS)
  lanes.opened(0, 1)
  set(QUARANTINE)
  gates.reconsider({ deviceId: 'pump' })
  await settled()
  assert.equal(lanes.standingOf({ deviceId: 'pump' })?.lane, 'remediation')
  gates.reconsider()
  await settled()
  set(PASS)
  gates.reconsider({ deviceId: 'another' })
  await settled()
  gates.reconsider({ deviceId: 'pump' })
  await settled()
  set(REFUSE)
  gates.reconsider({ deviceId: 'pump' })
  await settled()
  assert.deepEqual(told, ['admitted pump', '1 remediation', '1 full', '1 refused network'])
})

test('a mind that changes while the gates are asked is heeded', async () => {
  const { lanes, gates, told, set, hold, release, settled } = stage()
  hold()
  const entered = lanes.enter(0, 1, FACTS)
  set(QUARANTINE)
  gates.reconsider({ deviceId: 'pump' })
  await settled()
  release()
  const verdict = await entered
  assert.equal(verdict.kind === 'admitted' ? verdict.lane : undefined, 'remediation')
  assert.ok(told.includes('1 remediation'))
})

test('a gate that fails about a live connection ends it', async () => {
  const { lanes, gates, told, set, settled } = stage()
  await lanes.enter(0, 1, FACTS)
  lanes.opened(0, 1)
  set(new Error('broken'))
  gates.reconsider({ deviceId: 'pump' })
  await settled()
  assert.deepEqual(told, ['admitted pump', 'Error: broken', '1 refused gate-failed'])
})

test('what has left is forgotten, and gates hear why it ended if it was in', async () => {
  const { lanes, gates, told, set, settled } = stage()
  await lanes.enter(0, 1, FACTS)
  lanes.opened(0, 1)
  await lanes.enter(0, 2, FACTS)
  lanes.leave(0, 2)
  lanes.leave(0, 1, 'taken-over')
  lanes.leave(0, 1, 'disconnect')
  set(QUARANTINE)
  gates.reconsider()
  await settled()
  assert.deepEqual(told, ['admitted pump', 'ended pump taken-over'])
})
