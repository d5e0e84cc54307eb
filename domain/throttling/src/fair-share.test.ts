import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import { FairShare } from './fair-share.ts'

/** xorshift32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}

interface Asker {
  readonly name: string
  /** When it asks next, in milliseconds. */
  at: number
  /** How long until it asks again. */
  readonly pause: () => number
  asked: number
  allowed: number
}

function asker(name: string, at: number, pause: () => number): Asker {
  return { name, at, pause, asked: 0, allowed: 0 }
}

/** Everybody asks when it is his time, until `milliseconds` have passed. */
function run(shares: FairShare, askers: readonly Asker[], milliseconds: number): void {
  for (;;) {
    let next = askers[0]
    for (const one of askers) if (next === undefined || one.at < next.at) next = one
    if (next === undefined || next.at > milliseconds) return
    next.asked += 1
    if (shares.take(next.name, 1, instantOf(next.at))) next.allowed += 1
    next.at += next.pause()
  }
}

test('who is alone gets the whole rate, and a burst before', () => {
  const shares = new FairShare(instantOf(0), { perSecond: 100, burst: 200 }, 100)
  const one = asker('one', 0, () => 1)
  run(shares, [one], 60_000)
  // A fifth of the burst, for the rest is kept for others; then the rate.
  assert.ok(one.allowed >= 6_000 && one.allowed <= 6_000 + 60, String(one.allowed))
})

test('n who ask without end get an nth each', () => {
  for (const count of [2, 3, 10, 50]) {
    const shares = new FairShare(instantOf(0), { perSecond: 1_000, burst: 2_000 }, 100)
    // Some ask a hundred times as often as others.
    const askers = Array.from({ length: count }, (_, at) => asker(`a${at}`, at, () => (at % 2 === 0 ? 0.1 : 5)))
    run(shares, askers, 20_000)
    const fair = 20_000 / count
    for (const { name, asked, allowed } of askers) {
      const due = Math.min(fair, asked)
      assert.ok(allowed >= due * 0.9, `${count}: ${name} got ${allowed} of ${due}`)
    }
    const sum = askers.reduce((total, { allowed }) => total + allowed, 0)
    assert.ok(sum <= 20_000 + 2_000, `${count}: together ${sum}`)
  }
})

test('who asks less often than his part is never refused, whatever the others do', () => {
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const random = randomOf(seed)
    const perSecond = 10 + random() * 990
    const burst = perSecond * (1 + random() * 4)
    const aggressors = 1 + Math.floor(random() * 6)
    const modest = 1 + Math.floor(random() * 3)
    const shares = new FairShare(instantOf(0), { perSecond, burst: Math.max(burst, 60) }, 1_000)
    const everybody = aggressors + modest
    const interval = (1000 * everybody) / perSecond
    const askers = [
      ...Array.from({ length: aggressors }, (_, at) => {
        // They come when they want, stop and go on, and ask up to twenty times as often as all may together.
        const pause = 1000 / (perSecond * (1 + random() * 20))
        return asker(`aggressor ${at}`, random() * 3_000, () => (random() < 0.002 ? random() * 2_000 : pause))
      }),
      ...Array.from({ length: modest }, (_, at) =>
        asker(`modest ${at}`, random() * 3_000, () => interval * (1.01 + random())),
      ),
    ]
    run(shares, askers, 4_000)
    for (const { name, asked, allowed } of askers.slice(aggressors)) {
      assert.equal(allowed, asked, `seed ${seed}: ${name} was refused ${asked - allowed} of ${asked}`)
    }
    const sum = askers.reduce((total, { allowed }) => total + allowed, 0)
    assert.ok(sum <= 4 * perSecond + Math.max(burst, 60) + 1, `seed ${seed}: together ${sum}`)
  }
})

test('a fleet of thousands that asks at once is served as fast as the hub allows', () => {
  const shares = new FairShare(instantOf(0), { perSecond: 1_000, burst: 2_000 }, 10_000)
  const fleet = Array.from({ length: 5_000 }, (_, at) => asker(`d${at}`, 0, () => 100))
  const served = new Set<string>()
  for (let ms = 0; ms < 8_000; ms += 100) {
    for (const { name } of fleet) if (!served.has(name) && shares.take(name, 1, instantOf(ms))) served.add(name)
  }
  assert.equal(served.size, 5_000)
})

test('nobody without a debt is remembered', () => {
  const shares = new FairShare(instantOf(0), { perSecond: 10, burst: 100 }, 1_000)
  for (let count = 0; count < 50; count += 1) assert.ok(shares.take(`p${count}`, 1, instantOf(0)))
  assert.equal(shares.principals, 50)
  // Debts of one kind end at one time.
  shares.take('last', 1, instantOf(5_200))
  assert.equal(shares.principals, 1)
})

test('more principals in debt than can be remembered are refused, and none of them is forgotten', () => {
  const shares = new FairShare(instantOf(0), { perSecond: 1, burst: 1_000 }, 3)
  const taken = ['a', 'b', 'c', 'd', 'a'].map((name) => shares.take(name, 1, instantOf(0)))
  assert.deepEqual(taken, [true, true, true, false, true])
})

test('what is costly is let in once, and paid for afterwards', () => {
  const shares = new FairShare(instantOf(0), { perSecond: 10, burst: 40 }, 10)
  assert.ok(shares.take('bulk', 100, instantOf(0)))
  // It owes more than there is room: nobody is let in until that is worked off.
  assert.ok(!shares.take('other', 1, instantOf(0)))
  assert.ok(shares.waitMs('other', instantOf(0)) >= 6_000)
  assert.ok(shares.take('other', 1, instantOf(6_200)))
  assert.ok(!shares.take('bulk', 100, instantOf(6_200)))
})

test('debts keep their digits however long it runs', () => {
  const shares = new FairShare(instantOf(0), { perSecond: 1e6, burst: 2e6 }, 10)
  // Never without a debt, so that the level never starts anew on its own.
  let ms = 0
  for (let turn = 0; turn < 3_000; turn += 1) {
    ms += 1_000
    shares.take('a', 1.5e6, instantOf(ms))
  }
  const victim = asker('victim', ms, () => 10)
  run(shares, [victim], ms + 1_000)
  assert.equal(victim.allowed, victim.asked)
})

test('time that stands still or goes back changes nothing', () => {
  const shares = new FairShare(instantOf(1_000), { perSecond: 1, burst: 4 }, 10)
  assert.ok(shares.take('a', 1, instantOf(1_000)))
  assert.ok(!shares.take('a', 1, instantOf(1_000)))
  assert.ok(!shares.take('a', 1, instantOf(0)))
})

test('a rate that is none is a bug', () => {
  for (const [perSecond, burst] of [
    [0, 1],
    [-1, 1],
    [1, 0],
    [Number.NaN, 1],
    [1, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
  ] as const) {
    assert.throws(() => new FairShare(instantOf(0), { perSecond, burst }, 1), TypeError)
  }
})
