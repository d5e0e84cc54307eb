import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { AdmissionGate, ConnectionFacts, GateVerdict } from './gate.ts'
import { AdmissionGates, concerns } from './gates.ts'

const FACTS: ConnectionFacts = {
  key: { deviceId: 'pump-1' },
  generationId: 'g1',
  basis: { kind: 'device-key', slot: 'primary' },
  lane: 'full',
  address: '192.0.2.1',
  transport: 'mqtt',
  tlsVersion: 'TLSv1.3',
  tlsFingerprint: 'f',
  at: timestampOf(0),
}

function gate(name: string, verdict: GateVerdict): AdmissionGate {
  return { name, judge: () => verdict }
}

const REMEDIATION: GateVerdict = { kind: 'restrict', lane: 'remediation', code: 'quarantined', detail: 'a copy' }
const RENEWAL: GateVerdict = { kind: 'restrict', lane: 'renewal', code: 'lapsed', detail: 'expired' }

test('without gates the lane of the credential holds', async () => {
  const gates = new AdmissionGates()
  assert.deepEqual(await gates.judge(FACTS), { kind: 'admitted', lane: 'full', mayRenew: true, reasons: [] })
  assert.deepEqual(await gates.judge({ ...FACTS, lane: 'renewal' }), {
    kind: 'admitted',
    lane: 'renewal',
    mayRenew: true,
    reasons: [],
  })
})

test('the narrowest verdict holds, and every reason is told', async () => {
  const gates = new AdmissionGates()
  gates.add(gate('a', REMEDIATION))
  gates.add(gate('b', { kind: 'pass' }))
  gates.add(gate('c', RENEWAL))
  const verdict = await gates.judge(FACTS)
  assert.equal(verdict.kind === 'admitted' ? verdict.lane : undefined, 'renewal')
  assert.deepEqual(verdict.kind === 'admitted' ? verdict.reasons.map((one) => one.gate) : [], ['a', 'c'])
})

test('a gate cannot widen what the credential is good for', async () => {
  const gates = new AdmissionGates()
  gates.add(gate('a', REMEDIATION))
  const verdict = await gates.judge({ ...FACTS, lane: 'renewal' })
  assert.equal(verdict.kind === 'admitted' ? verdict.lane : undefined, 'renewal')
})

test('one gate is enough to stop renewal', async () => {
  const gates = new AdmissionGates()
  gates.add(gate('a', { ...REMEDIATION, stopsRenewal: true }))
  gates.add(gate('b', REMEDIATION))
  const verdict = await gates.judge(FACTS)
  assert.equal(verdict.kind === 'admitted' ? verdict.mayRenew : undefined, false)
})

test('what stops renewal stops it too for who is refused by another gate, or has no connection', async () => {
  const gates = new AdmissionGates()
  gates.add(gate('a', { kind: 'refuse', code: 'network', detail: 'from elsewhere' }))
  gates.add(gate('b', REMEDIATION))
  assert.equal(await gates.mayRenew(FACTS), true)
  gates.add(gate('c', { ...REMEDIATION, stopsRenewal: true }))
  assert.equal(await gates.mayRenew(FACTS), false)
})

test('one refusal refuses', async () => {
  const gates = new AdmissionGates()
  gates.add(gate('a', REMEDIATION))
  gates.add(gate('b', { kind: 'refuse', code: 'network', detail: 'not from there' }))
  assert.deepEqual(await gates.judge(FACTS), { kind: 'refused', gate: 'b', code: 'network', detail: 'not from there' })
})

test('a gate that throws lets nobody in', async () => {
  const gates = new AdmissionGates()
  gates.add({
    name: 'a',
    judge: () => {
      throw new Error('broken')
    },
  })
  await assert.rejects(gates.judge(FACTS), /broken/)
})

test('what is said of a device is said of its modules; of a module, of it alone', () => {
  assert.ok(concerns(undefined, { deviceId: 'a' }))
  assert.ok(concerns({ deviceId: 'a' }, { deviceId: 'a', moduleId: 'm' }))
  assert.ok(!concerns({ deviceId: 'a', moduleId: 'm' }, { deviceId: 'a' }))
  assert.ok(!concerns({ deviceId: 'a' }, { deviceId: 'A' }))
})

test('a refusal that may be over soon says so', async () => {
  const gates = new AdmissionGates()
  gates.add(gate('a', { kind: 'refuse', code: 'later', detail: 'busy', isTemporary: true }))
  const verdict = await gates.judge(FACTS)
  assert.equal(verdict.kind === 'refused' ? verdict.isTemporary : undefined, true)
})
