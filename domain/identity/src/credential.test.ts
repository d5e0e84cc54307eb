import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Basis, closeReasonOf, type Cut, cuts, type Standing } from './credential.ts'

const BASES: readonly Basis[] = [
  { kind: 'device-key', slot: 'primary' },
  { kind: 'device-key', slot: 'secondary' },
  { kind: 'module-key', slot: 'primary' },
  { kind: 'policy', name: 'device', slot: 'primary' },
  { kind: 'policy', name: 'iothubowner', slot: 'primary' },
  { kind: 'thumbprint', thumbprint: 'A' },
  { kind: 'authority', name: 'plant', thumbprint: 'B', path: [{ issuerKey: 'I', serialNumber: '07' }] },
  { kind: 'issued', sha256: 'C' },
]

const device = (basis: Basis, deviceId = 'd'): Standing => ({ deviceId, generationId: '1', basis })
const module = (basis: Basis, moduleId = 'm'): Standing => ({ deviceId: 'd', moduleId, generationId: '2', basis })
const matched = (cut: Cut, sessions: readonly Standing[]): readonly Basis[] =>
  sessions.filter((session) => cuts(cut, session)).map(({ basis }) => basis)

test('a device that is gone ends all its sessions and those of its modules, and nobody else', () => {
  const cut: Cut = { kind: 'identity', deviceId: 'd', generationId: '1', reason: 'identity-deleted' }
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => device(basis)),
    ).length,
    BASES.length,
  )
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => module(basis)),
    ).length,
    BASES.length,
  )
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => device(basis, 'D')),
    ).length,
    0,
  )
  assert.equal(closeReasonOf(cut), 'identity-deleted')
})

test('a device that was created anew under the same id is not the one that is gone', () => {
  const cut: Cut = { kind: 'identity', deviceId: 'd', generationId: '0', reason: 'identity-deleted' }
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => device(basis)),
    ).length,
    0,
  )
})

test('a module that is gone ends its sessions alone', () => {
  const cut: Cut = { kind: 'identity', deviceId: 'd', moduleId: 'm', generationId: '2', reason: 'identity-disabled' }
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => module(basis)),
    ).length,
    BASES.length,
  )
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => module(basis, 'n')),
    ).length,
    0,
  )
  assert.equal(
    matched(
      cut,
      BASES.map((basis) => device(basis)),
    ).length,
    0,
  )
})

test("a device's key takes the sessions of its slot with it, those of modules that came in by it too", () => {
  const cut: Cut = { kind: 'key', deviceId: 'd', slot: 'primary' }
  const sessions = BASES.flatMap((basis) => [device(basis), module(basis), device(basis, 'e')])
  assert.deepEqual(matched(cut, sessions), [BASES[0], BASES[0]])
  assert.equal(closeReasonOf(cut), 'credential-revoked')
})

test("a module's key takes the module's sessions of its slot with it", () => {
  const cut: Cut = { kind: 'key', deviceId: 'd', moduleId: 'm', slot: 'primary' }
  const sessions = BASES.flatMap((basis) => [module(basis), module(basis, 'n'), device(basis)])
  assert.deepEqual(matched(cut, sessions), [BASES[2]])
})

test('a thumbprint, a policy key and an authority take exactly what rests on them', () => {
  const sessions = BASES.flatMap((basis) => [device(basis), module(basis)])
  assert.deepEqual(matched({ kind: 'thumbprint', deviceId: 'd', thumbprint: 'A' }, sessions), [BASES[5]])
  assert.deepEqual(matched({ kind: 'policy', name: 'device', slot: 'primary' }, sessions), [BASES[3], BASES[3]])
  assert.deepEqual(matched({ kind: 'policy', name: 'device', slot: 'secondary' }, sessions), [])
  assert.deepEqual(matched({ kind: 'authority', name: 'plant', thumbprint: 'B' }, sessions), [BASES[6], BASES[6]])
  assert.deepEqual(matched({ kind: 'authority', name: 'plant', thumbprint: 'C' }, sessions), [])
  const revoked = (issuerKey: string, serial: string): Cut => {
    return { kind: 'revocation', issuerKey, serials: new Set([serial]) }
  }
  assert.deepEqual(matched(revoked('I', '07'), sessions), [BASES[6], BASES[6]])
  assert.deepEqual(matched(revoked('I', '08'), sessions), [], 'another certificate')
  assert.deepEqual(matched(revoked('J', '07'), sessions), [], 'the same number of another issuer')
})

test('another kind of authentication ends what was its own, and leaves what a policy vouches for', () => {
  const sessions = BASES.map((basis) => device(basis))
  const left = BASES.filter(({ kind }) => kind !== 'policy')
  assert.deepEqual(matched({ kind: 'authentication', deviceId: 'd' }, sessions), left)
  const modules = BASES.map((basis) => module(basis))
  assert.deepEqual(matched({ kind: 'authentication', deviceId: 'd' }, modules), [BASES[0], BASES[1]])
})

test('a certificate that is taken away ends the sessions that rest on it, whoever has them', () => {
  const sessions = [...BASES.map((basis) => device(basis)), ...BASES.map((basis) => module(basis))]
  const issued: Basis = { kind: 'issued', sha256: 'C' }
  const cut: Cut = { kind: 'certificate', sha256: 'C' }
  assert.deepEqual(matched(cut, sessions), [issued, issued])
  assert.deepEqual(matched({ kind: 'certificate', sha256: 'D' }, sessions), [])
  assert.equal(closeReasonOf(cut), 'credential-revoked')
})

test('who leaves keys for certificates keeps the sessions that rest on a certificate of the hub', () => {
  const sessions = BASES.map((basis) => device(basis))
  const all = matched({ kind: 'authentication', deviceId: 'd' }, sessions)
  const kept = matched({ kind: 'authentication', deviceId: 'd', keepsIssued: true }, sessions)
  assert.deepEqual(
    all.filter((basis) => !kept.includes(basis)),
    [{ kind: 'issued', sha256: 'C' }],
  )
})
