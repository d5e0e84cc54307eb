import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt } from '@holdfast/admission'
import { timestampOf } from '@holdfast/base'
import { Dossier } from './dossier.ts'
import type { FindingKind } from './finding.ts'
import { explain, type Judgement, judge } from './judge.ts'
import { readDossierRecord } from './read-record.ts'
import { Chance } from './testing/chance.ts'
import { DEFAULT_SCALE, faultOfScale } from './weights.ts'

const HOME = { address: '192.0.2.10', tlsFingerprint: 'node' }
const AWAY = { address: '203.0.113.20', tlsFingerprint: 'node' }
const THIEF = { address: '203.0.113.20', tlsFingerprint: 'openssl' }

class Life {
  readonly dossier = new Dossier()
  now = 1_000_000_000

  attempt(change: Partial<Attempt> = {}): Attempt {
    return {
      key: { deviceId: 'd' },
      transport: 'mqtt',
      tlsVersion: 'TLSv1.3',
      ...HOME,
      at: timestampOf(this.now),
      ...change,
    }
  }

  /** Connects, after the former connection was taken over from. */
  takeOver(change: Partial<Attempt>, afterMs: number): void {
    this.now += afterMs
    this.dossier.ended(timestampOf(this.now), true)
    this.dossier.opened(this.attempt(change))
  }

  /** Connects, after the former connection had ended. */
  connect(change: Partial<Attempt>, afterMs: number): void {
    this.dossier.ended(timestampOf(this.now), false)
    this.now += afterMs
    this.dossier.opened(this.attempt(change))
  }

  judge(afterMs = 0): Judgement {
    return judge(this.dossier.findings, DEFAULT_SCALE, timestampOf(this.now + afterMs))
  }

  kinds(): readonly FindingKind[] {
    return [...new Set(this.dossier.findings.map(({ kind }) => kind))]
  }
}

test('a client that ends and comes back, for each message or with each token, is nobody else', () => {
  const life = new Life()
  for (let turn = 0; turn < 500; turn += 1) life.connect(HOME, turn % 2 === 0 ? 200 : 3_000_000)
  assert.deepEqual(life.kinds(), [])
})

test('a device that roams is not suspected, however it leaves its networks', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const chance = new Chance(seed)
    const life = new Life()
    for (let turn = 0; turn < 200; turn += 1) {
      const address = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1'][chance.whole(4)] ?? ''
      const afterMs = 45_000 + chance.whole(3_600_000)
      if (chance.happens(70)) life.takeOver({ address }, afterMs)
      else life.connect({ address }, afterMs)
      assert.equal(life.judge().verdict, 'clear', `seed ${seed}: ${explain(life.judge())}`)
    }
  }
})

test('a device with an address in each family changes between them without being in two networks', () => {
  const life = new Life()
  for (let turn = 0; turn < 50; turn += 1) {
    life.takeOver({ address: turn % 2 === 0 ? '192.0.2.1' : '2001:db8::1' }, 60_000)
    life.dossier.requested(life.attempt({ address: turn % 2 === 0 ? '2001:db8::1' : '192.0.2.1' }))
  }
  assert.deepEqual(life.kinds(), [])
})

test('a burst of connections after an outage says nothing', () => {
  const life = new Life()
  for (let turn = 0; turn < 7; turn += 1) life.takeOver(HOME, 500)
  assert.deepEqual(life.kinds(), [])
})

test('an update changes the client once, and weighs little', () => {
  const life = new Life()
  life.connect({ clientType: 'azure-iot-device/1.17.0 (node)' }, 1)
  life.connect({ clientType: 'azure-iot-device/1.18.4 (node)' }, 1)
  assert.deepEqual(life.kinds(), [], 'a version is no kind')
  life.connect({ clientType: 'azure-iot-device/1.18.4 (node)', tlsFingerprint: 'newer' }, 1)
  assert.deepEqual(life.kinds(), ['changed-client'])
  assert.equal(life.judge().score, 8)
  life.connect({ clientType: 'azure-iot-device/1.18.4 (node)' }, 1)
  assert.equal(life.judge().score, 8, 'back to what was known is no other change')
})

test('two clients of different kinds that push each other out are suspected; in two networks it is proven', () => {
  const near = new Life()
  near.connect(HOME, 0)
  for (let turn = 0; turn < 20; turn += 1)
    near.takeOver({ tlsFingerprint: turn % 2 === 0 ? 'openssl' : 'node' }, 30_000)
  assert.equal(near.judge().verdict, 'suspected', explain(near.judge()))

  const far = new Life()
  far.connect(HOME, 0)
  let takeovers = 0
  while (far.judge().verdict !== 'proven') {
    far.takeOver(takeovers % 2 === 0 ? THIEF : HOME, 15_000)
    takeovers += 1
    assert.ok(takeovers < 12, explain(far.judge()))
  }
  assert.ok(takeovers >= 4, 'not at the first exchange')
})

test('copies of one kind in two networks are suspected, not proven', () => {
  const life = new Life()
  life.connect(HOME, 0)
  for (let turn = 0; turn < 30; turn += 1) life.takeOver(turn % 2 === 0 ? AWAY : HOME, 5_000)
  assert.equal(life.judge().verdict, 'suspected', explain(life.judge()))
  assert.deepEqual(life.kinds().toSorted(), ['alternating-networks', 'takeover-storm'])
})

test('what strangers can cause never has a device suspected', () => {
  const life = new Life()
  life.connect({ ...HOME, certificate: { sha256: 'A', notAfter: timestampOf(9e12) } }, 0)
  for (let turn = 0; turn < 500; turn += 1) {
    life.now += 40_000
    const certificate = { sha256: `B${turn}`, notAfter: timestampOf(1) }
    const attempt = life.attempt({ address: `203.0.${turn % 256}.1`, certificate })
    for (const code of ['thumbprint-unknown', 'certificate-expired', 'wrong-signature', 'unknown-identity', 'x']) {
      life.dossier.denied(attempt, code)
    }
  }
  assert.equal(life.judge().verdict, 'clear')
  assert.ok(life.judge().score <= 40)
  assert.ok(life.dossier.findings.length <= 24)
})

test('a replaced certificate beside its successor is suspected; the same certificate once more is not', () => {
  const life = new Life()
  const at = timestampOf(9e12)
  life.connect({ certificate: { sha256: 'NEW', notAfter: at } }, 0)
  life.dossier.denied(life.attempt({ certificate: { sha256: 'NEW', notAfter: at } }), 'certificate-revoked')
  assert.equal(life.judge().score, 0)
  life.dossier.denied(life.attempt({ ...THIEF, certificate: { sha256: 'OLD', notAfter: at } }), 'certificate-retired')
  assert.equal(life.judge().verdict, 'suspected')
})

test('the flood of one kind leaves the findings of others', () => {
  const life = new Life()
  life.connect(HOME, 0)
  life.dossier.offer('D')
  life.dossier.answered({ shown: '', next: 'D' }, timestampOf(life.now))
  life.dossier.answered({ shown: 'D', next: 'D' }, timestampOf(life.now))
  life.dossier.offer('E')
  life.dossier.answered({ shown: 'old', next: 'E' }, timestampOf(life.now))
  for (let turn = 0; turn < 1_000; turn += 1) {
    life.dossier.denied(life.attempt({ address: `203.${turn % 200}.9.1` }), 'thumbprint-unknown')
  }
  assert.equal(life.judge().verdict, 'proven')
})

test('findings decay; a replaced nonce is remembered for long', () => {
  const life = new Life()
  life.connect(HOME, 0)
  for (let turn = 0; turn < 30; turn += 1) life.takeOver(turn % 2 === 0 ? AWAY : HOME, 5_000)
  assert.equal(life.judge(3 * 3_600_000).verdict, 'clear')
})

test('a counter that runs backwards once may be a reset; two that count apart are suspected', () => {
  const life = new Life()
  const report = (value: number): void => {
    life.connect(HOME, 60_000)
    life.dossier.counted(value, timestampOf(life.now))
  }
  for (const value of [1, 2, 3, 700, 1, 2, 3]) report(value)
  assert.equal(life.judge().verdict, 'clear')
  for (const value of [701, 4, 702, 5]) report(value)
  assert.equal(life.judge().verdict, 'suspected')
  assert.match(explain(life.judge()), /counter-backwards 3 times \(45 points, now 90\), last .*: 702 and then 5/)
})

test('a copy that counts in step with its original repeats', () => {
  const life = new Life()
  for (let turn = 1; turn < 20; turn += 1) {
    for (const address of [HOME.address, AWAY.address]) {
      life.connect({ address }, 60_000)
      life.dossier.counted(turn, timestampOf(life.now))
      life.dossier.counted(turn, timestampOf(life.now))
    }
  }
  assert.deepEqual(life.kinds(), ['counter-repeated'])
})

test('who takes part and leaves a nonce unanswered is found, who never did is not', () => {
  const life = new Life()
  life.connect(HOME, 0)
  life.dossier.offer('D')
  assert.deepEqual(life.dossier.silent(timestampOf(life.now)), [])
  life.dossier.answered({ shown: '', next: 'D' }, timestampOf(life.now))
  assert.deepEqual(life.dossier.silent(timestampOf(life.now)), [])
  life.connect(THIEF, 60_000)
  life.dossier.offer('E')
  assert.deepEqual(
    life.dossier.silent(timestampOf(life.now)).map(({ kind }) => kind),
    ['nonce-silent'],
  )
})

test('what lasts is read back; a cleared dossier begins anew and still takes part', () => {
  const life = new Life()
  life.connect(HOME, 0)
  assert.equal(life.dossier.record, undefined)
  life.dossier.counted(7, timestampOf(life.now))
  life.dossier.offer('D')
  life.takeOver(THIEF, 1)
  const { record } = life.dossier
  assert.deepEqual(readDossierRecord(JSON.stringify(record)), record)
  life.dossier.cleared()
  assert.deepEqual(life.dossier.record, { findings: [], nonce: {} })
})

test('a damaged record is refused', () => {
  for (const text of [
    '[]',
    '{}',
    '{"findings":[{}]}',
    '{"findings":[],"nonce":{"offer":7}}',
    '{"findings":[],"counter":1}',
  ]) {
    assert.throws(() => readDossierRecord(text), TypeError, text)
  }
})

test('a scale with which strangers could have somebody suspected is found faulty', () => {
  assert.equal(faultOfScale(DEFAULT_SCALE), undefined)
  assert.match(faultOfScale({ ...DEFAULT_SCALE, unprovenMost: 50 }) ?? '', /strangers/)
  assert.match(faultOfScale({ ...DEFAULT_SCALE, suspectedPoints: 101 }) ?? '', /lower/)
})
