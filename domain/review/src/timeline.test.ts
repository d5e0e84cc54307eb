import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { afterEntry, type DeviceState, type LogEntry, NOTHING_KNOWN, sinceItCame, stateAsOf } from './index.ts'

const SUBJECT = 'device/pump-1'

function entry(index: number, type: string, detail: Record<string, string | number> = {}, subject = SUBJECT): LogEntry {
  return { index, type, version: 1, at: timestampOf(1_000 + index), body: { subject, actor: 'operator/local', detail } }
}

const CREATED = { authentication: 'sas', status: 'enabled' }

test('a device is what its entries say until a moment, and no more', () => {
  const log = [
    entry(0, 'identity.created', CREATED),
    entry(1, 'session.opened', { credential: 'key' }),
    entry(2, 'attestation.failed', { reason: 'pcr', reasons: 1 }),
    entry(3, 'session.lane-changed', { lane: 'remediation', reasons: 'attestation' }),
    entry(4, 'identity.quarantined', { reason: 'by hand' }),
    entry(5, 'session.closed', { reason: 'closed', seconds: 1 }),
    entry(6, 'identity.released', { reason: 'looked at' }),
    entry(7, 'identity.deleted', { generationId: 'g' }),
  ]
  const at = (index: number): DeviceState => stateAsOf(log, SUBJECT, timestampOf(1_000 + index))
  assert.deepEqual(at(-1), NOTHING_KNOWN)
  assert.deepEqual(at(0), { exists: true, sessions: 0, created: timestampOf(1_000), ...CREATED })
  assert.equal(at(1).sessions, 1)
  assert.equal(at(2).attestation?.value, 'failed: pcr')
  assert.equal(at(3).lane?.value, 'remediation')
  assert.deepEqual(at(4).quarantine, { value: 'by hand', since: timestampOf(1_004) })
  assert.deepEqual([at(5).sessions, at(5).lane], [0, undefined])
  assert.equal(at(6).quarantine, undefined)
  assert.deepEqual(at(7), NOTHING_KNOWN)
})

test('a start of the hub ends sessions of which no end was told; modules and others change nothing', () => {
  const log = [
    entry(0, 'identity.created', CREATED),
    entry(1, 'session.opened', { credential: 'key' }),
    entry(2, 'session.opened', { credential: 'key' }, `${SUBJECT}/module/m`),
    entry(3, 'identity.deleted', { generationId: 'g' }, 'device/other'),
  ]
  assert.equal(stateAsOf(log, SUBJECT, timestampOf(2_000)).sessions, 1)
  const restarted = [...log, entry(4, 'hub.started', {}, 'hub')]
  assert.equal(stateAsOf(restarted, SUBJECT, timestampOf(2_000)).sessions, 0)
})

test('a body that was destroyed changes nothing and breaks nothing', () => {
  const gone: LogEntry = { index: 1, type: 'identity.deleted', version: 1, at: timestampOf(1_001), body: undefined }
  assert.equal(stateAsOf([entry(0, 'identity.created', CREATED), gone], SUBJECT, timestampOf(9_000)).exists, true)
})

test('the state of a moment is the replay of what happened until then, whatever comes after (300 seeds)', () => {
  const types = [
    'identity.created',
    'identity.updated',
    'identity.deleted',
    'identity.quarantined',
    'identity.released',
    'session.opened',
    'session.closed',
    'session.lane-changed',
    'attestation.verified',
    'attestation.failed',
    'certificate.issued',
    'certificate.revoked',
    'device.life-changed',
    'device.placed',
    'hub.started',
    'twin.changed',
  ]
  for (let seed = 1; seed <= 300; seed += 1) {
    let random = seed
    const next = (below: number): number => {
      random = (random * 48_271) % 2_147_483_647
      return random % below
    }
    const log = Array.from({ length: 40 }, (_, index) =>
      entry(index, types[next(types.length)] ?? '', { to: 'active', reason: `r${index}`, fleet: 'home/a/b' }),
    )
    const cut = next(40)
    let replayed = NOTHING_KNOWN
    for (const one of log.slice(0, cut + 1)) replayed = afterEntry(replayed, one, SUBJECT)
    assert.deepEqual(stateAsOf(log, SUBJECT, timestampOf(1_000 + cut)), replayed, `seed ${seed}`)
    assert.ok(replayed.sessions >= 0)
  }
})

test('what an earlier device of the name did, or this one with others, is not theirs to read', () => {
  const former = entry(0, 'identity.created', CREATED)
  const log = [
    former,
    entry(1, 'identity.deleted', {}),
    entry(2, 'identity.created', CREATED),
    entry(3, 'twin.changed'),
  ]
  assert.deepEqual(
    sinceItCame(log, SUBJECT).map(({ index }) => index),
    [2, 3],
  )
  const moved = [...log, entry(4, 'device.placed', { fleet: 'acme/a/b', before: 'home/a/b' }), entry(5, 'twin.changed')]
  assert.deepEqual(
    sinceItCame(moved, SUBJECT).map(({ index }) => index),
    [4, 5],
  )
  const within = [...moved, entry(6, 'device.placed', { fleet: 'acme/a/c', before: 'acme/a/b' })]
  assert.equal(sinceItCame(within, SUBJECT).length, 3)
  assert.deepEqual(sinceItCame([entry(3, 'twin.changed')], SUBJECT), [])
})
