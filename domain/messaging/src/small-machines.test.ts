import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instantOf } from '@holdfast/base'
import { AddressGuard, sourceOf } from './address-guard.ts'
import { DeadlineWheel } from './deadline-wheel.ts'

describe('the deadline wheel', () => {
  it('gives everything once, not early, and at most a bucket late', () => {
    const wheel = new DeadlineWheel<{ bucket: number; at: number }>()
    let seed = 1
    const random = (): number => (seed = (Math.imul(seed, 48_271) >>> 0) % 0x7fff_ffff) / 0x7fff_ffff
    const items = Array.from({ length: 2_000 }, () => ({ bucket: -1, at: Math.floor(random() * 600_000) }))
    for (const item of items) wheel.set(item, instantOf(item.at), instantOf(0))
    for (const item of items.slice(0, 500)) wheel.clear(item)
    let given = 0
    for (let now = 0; now <= 600_250; now += 250) {
      for (let item = wheel.due(instantOf(now)); item !== undefined; item = wheel.due(instantOf(now))) {
        given += 1
        assert.ok(item.at <= now && item.at >= now - 250, `${item.at} at ${now}`)
      }
    }
    assert.equal(given, 1_500)
    assert.equal(wheel.deadline, undefined)
  })

  it('gives nothing twice at one time, even what is overdue', () => {
    const wheel = new DeadlineWheel<{ bucket: number }>()
    const item = { bucket: -1 }
    wheel.set(item, instantOf(5), instantOf(0))
    assert.equal(wheel.due(instantOf(250)), item)
    wheel.set(item, instantOf(5), instantOf(250))
    assert.equal(wheel.due(instantOf(250)), undefined)
    assert.equal(wheel.due(instantOf(500)), item)
  })

  it('looks at far deadlines within the hour', () => {
    const wheel = new DeadlineWheel<{ bucket: number }>()
    wheel.set({ bucket: -1 }, instantOf(Number.MAX_SAFE_INTEGER), instantOf(0))
    assert.ok((wheel.deadline ?? 0) <= 3_600_250)
  })
})

describe('sources of connections', () => {
  it('are IPv4 addresses and IPv6 /64 networks', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
      ['2001:db8::5', '2001:db8:0:0'],
      ['2001:db8:1:2::', '2001:db8:1:2'],
      ['::1', '0:0:0:0'],
    ]
    for (const [address, source] of cases) assert.equal(sourceOf(address), source)
  })

  it('are forgotten rather than remembered without bound', () => {
    const guard = new AddressGuard({ perSecond: 1, burst: 1 }, () => {})
    for (let i = 0; i < 100_000; i++) guard.blame(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, instantOf(0))
    assert.equal(guard.isBlocked('10.0.0.0', instantOf(0)), false)
    assert.equal(guard.isBlocked(`10.1.134.159`, instantOf(0)), true)
  })

  it('report reasons as counts, at most once a second', () => {
    const told: string[] = []
    const guard = new AddressGuard({ perSecond: 1, burst: 1 }, ({ address, reason, count }) =>
      told.push(`${address} ${reason} ${count}`),
    )
    const report = (now: number): void => {
      guard.report('10.0.0.1', { reason: 'malformed', detail: '' }, instantOf(now))
      guard.flush(instantOf(now))
    }
    for (let now = 0; now < 3_000; now += 10) report(now)
    assert.deepEqual(told, ['10.0.0.1 malformed 1', '10.0.0.1 malformed 100', '10.0.0.1 malformed 100'])
  })
})
