/** Sequences of claims, provisionings, transfers and retirements, with stops in between, held against a small model. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codeDigest, codeSha256, makeCode, normaliseCode } from './claim-code.ts'
import { SupplyError } from './errors.ts'
import { planMove } from './life.ts'
import { judgeLife } from './life-rules.ts'
import type { OwnedDevices } from './owned-devices.ts'
import { ACTOR, newEntry, provision, type SupplyWorld, supplyWorld } from './testing/world.ts'

const code = (expected: string) => (error: unknown) => error instanceof SupplyError && error.code === expected

test('what is offered waits a week, and a claim as long as it may', async () => {
  const world = await supplyWorld()
  await world.owners.add('a', ACTOR)
  await world.owners.add('b', ACTOR)
  await world.store.importEntries([newEntry(world, 's-1'), newEntry(world, 's-2')])
  await world.claims.claim({ by: { kind: 'serial', serial: 's-1' }, owner: 'a' }, ACTOR)
  assert.equal(await provision(world, 's-1'), true)
  const { code: offered } = await world.transfers.offer('s-1', { to: 'b', clearsTags: false }, ACTOR)
  world.clock.advance(8 * 24 * 3_600_000)
  await assert.rejects(world.transfers.accept(offered, ACTOR), code('unknown-code'))
  // The time decides, also before the sweep has come by.
  await assert.rejects(
    world.claims.claim({ by: { kind: 'serial', serial: 's-2' }, owner: 'a' }, ACTOR),
    code('expired'),
  )
  assert.equal(await world.claims.expire(), 1)
  assert.ok(world.events.some(({ type, subject }) => type === 'claim.expired' && subject === 'supply/acme/s-2'))
})

test('wrong codes are slowed by actor and all together, and time forgives', async () => {
  const world = await supplyWorld()
  await world.owners.add('a', ACTOR)
  const guess = (actor: string, n: number) =>
    world.claims.claim({ by: { kind: 'code', code: `AAAAAAAA${n}` }, owner: 'a' }, actor)
  for (let n = 0; n < 10; n += 1) await assert.rejects(guess('policy/x', n), code('unknown-code'))
  await assert.rejects(guess('policy/x', 11), code('throttled'))
  await assert.rejects(guess('policy/y', 11), code('unknown-code'))
  world.clock.advance(60_000)
  await assert.rejects(guess('policy/x', 12), code('unknown-code'))
  for (let n = 0; n < 200; n += 1) await assert.rejects(guess(`policy/${n}`, n))
  await assert.rejects(guess('policy/new', 1), code('throttled'))
})

test('retirements are told once, with their tombstones; what a stop broke off is finished, whatever becomes of one of them', async () => {
  const world = await supplyWorld()
  for (const id of ['d-1', 'd-2']) {
    world.create(id)
    world.stopAt = 'delete'
    await assert.rejects(world.retirements.retire(id, 'scrapped', ACTOR), /stopped/)
  }
  const told = () => world.events.filter(({ type }) => type === 'device.retired').map(({ subject }) => subject)
  // The tombstones are what retires: they are written, and so are their events, although the identities are still there.
  assert.deepEqual(told(), ['device/d-1', 'device/d-2'])
  assert.deepEqual(
    world.store.tombstones.map(({ deviceId }) => deviceId),
    ['d-1', 'd-2'],
  )
  assert.deepEqual([...world.identities.keys()], ['d-1', 'd-2'])
  world.stopAt = 'unbind'
  await assert.rejects(world.retirements.resume(), /stopped/)
  assert.deepEqual([...world.identities.keys()], ['d-1'])
  await world.retirements.resume()
  assert.equal(world.identities.size, 0)
  assert.deepEqual(told(), ['device/d-1', 'device/d-2'])
})

test('a code is claimed however it is written, and is not kept', async () => {
  const world = await supplyWorld()
  await world.owners.add('a', ACTOR)
  const made = makeCode((count) => new Uint8Array(count).fill(0xa5))
  assert.match(made, /^[A-Z2-7]{6}(-[A-Z2-7]{6}){3}$/)
  const digest = codeDigest('AAAA', codeSha256(normaliseCode(made) ?? ''))
  await world.store.importEntries([newEntry(world, 's', { codeDigest: digest })])
  assert.ok(!JSON.stringify([...world.store.entries.values()]).includes(codeSha256(normaliseCode(made) ?? '')))
  const claim = { by: { kind: 'code', code: ` ${made.toLowerCase().replaceAll('-', ' ')} ` }, owner: 'a' } as const
  assert.equal((await world.claims.claim(claim, ACTOR)).serial, 's')
})

type Step =
  | {
      readonly kind: 'claim' | 'provision' | 'commission' | 'hold' | 'free' | 'retire' | 'recreate'
      readonly at: number
    }
  | { readonly kind: 'transfer'; readonly at: number; readonly to: number; readonly stopAt?: keyof OwnedDevices }
  | { readonly kind: 'retire-stopped'; readonly at: number; readonly stopAt: 'unbind' | 'delete' }

const SERIALS = ['s-0', 's-1', 's-2']
const OWNERS = ['a', 'b', 'c']
const at = fc.nat(SERIALS.length - 1)
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('claim', 'provision', 'commission', 'hold', 'free', 'retire', 'recreate'),
    at,
  }) as fc.Arbitrary<Step>,
  fc.record(
    {
      kind: fc.constant('transfer' as const),
      at,
      to: fc.nat(OWNERS.length - 1),
      stopAt: fc.constantFrom('remint', 'unbind', 'clearTags'),
    },
    { requiredKeys: ['kind', 'at', 'to'] },
  ) as fc.Arbitrary<Step>,
  fc.record({
    kind: fc.constant('retire-stopped' as const),
    at,
    stopAt: fc.constantFrom('unbind', 'delete'),
  }) as fc.Arbitrary<Step>,
)

/** What ought to be, in a few words a device. */
interface Expected {
  state: 'manufactured' | 'claimed' | 'provisioned' | 'active' | 'quarantined' | 'retired'
  before: 'claimed' | 'provisioned' | 'active'
  owner: string | undefined
  /** Made by the registry after the device of this serial number was retired. */
  isStranger: boolean
}

test('whatever comes in whatever order, every device is what its moves made of it, and evidence only grows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (sequence) => {
      const world = await supplyWorld()
      for (const owner of OWNERS) await world.owners.add(owner, ACTOR)
      const models = ['plain', 'site', 'site']
      const entries = SERIALS.map((serial, n) => newEntry(world, serial, { model: models[n] ?? 'plain' }))
      await world.store.importEntries(entries)
      const expected = SERIALS.map(
        (): Expected => ({ state: 'manufactured', before: 'claimed', owner: undefined, isStranger: false }),
      )
      let evidence: readonly string[] = []
      for (const step of sequence) {
        await act(world, step, expected)
        await check(
          world,
          expected,
          entries.map(({ key }) => key.digest),
        )
        const now = [...world.store.history, ...world.store.tombstones].map((one) => JSON.stringify(one))
        assert.ok(evidence.every((one) => now.includes(one)))
        evidence = now
      }
    }),
    { numRuns: 150 },
  )
})

async function act(world: SupplyWorld, step: Step, expected: Expected[]): Promise<void> {
  const serial = SERIALS[step.at] ?? ''
  const device = expected[step.at]
  if (device === undefined) return
  const isThere = world.identities.has(serial)
  switch (step.kind) {
    case 'claim': {
      const claimed = world.claims.claim({ by: { kind: 'serial', serial }, owner: 'a' }, ACTOR)
      if (device.state === 'manufactured') {
        await claimed
        Object.assign(device, { state: 'claimed', owner: 'a' })
      } else await assert.rejects(claimed)
      return
    }
    case 'provision': {
      const may = !device.isStranger && ['claimed', 'provisioned', 'active', 'quarantined'].includes(device.state)
      assert.equal(await provision(world, serial), may)
      if (may && device.state === 'claimed') device.state = step.at === 0 ? 'active' : 'provisioned'
      return
    }
    case 'commission': {
      const done = world.lives.commission(serial, '', ACTOR)
      if (isThere && !device.isStranger && device.state === 'provisioned') {
        await done
        device.state = 'active'
      } else await assert.rejects(done)
      return
    }
    case 'hold':
    case 'free': {
      const isHold = step.kind === 'hold'
      const done = isHold ? world.lives.quarantine(serial, 'why', ACTOR) : world.lives.release(serial, '', ACTOR)
      const may = isThere && (isHold || device.state === 'quarantined')
      if (!may) return assert.rejects(done)
      await done
      if (isHold && device.state !== 'quarantined') {
        Object.assign(device, { before: device.state, state: 'quarantined' })
      } else if (!isHold) device.state = device.before
      return
    }
    case 'transfer': {
      const to = OWNERS[step.to] ?? ''
      const offered = world.transfers.offer(serial, { to, clearsTags: true }, ACTOR)
      if (!isThere || device.owner === to || device.state === 'quarantined') return assert.rejects(offered)
      const { code: given } = await offered
      world.stopAt = step.stopAt
      const accepted = world.transfers.accept(given, ACTOR)
      if (step.stopAt === undefined) await accepted
      else {
        await assert.rejects(accepted, /stopped/)
        // Between the two it is not the old owner's to give any more, and goes forward only.
        await assert.rejects(world.transfers.offer(serial, { to: 'c', clearsTags: false }, ACTOR))
        await world.transfers.resume()
      }
      Object.assign(device, { owner: to, state: device.isStranger ? 'active' : 'claimed' })
      assert.equal(world.store.transfers.size, 0)
      return
    }
    case 'retire':
    case 'retire-stopped': {
      const isBound = !device.isStranger && (await world.store.readBinding(serial)) !== undefined
      if (step.kind === 'retire-stopped') world.stopAt = step.stopAt
      const retired = world.retirements.retire(serial, 'why', ACTOR)
      if (!isThere && !isBound) {
        await assert.rejects(retired)
        world.stopAt = undefined
        return
      }
      if (step.kind === 'retire') await retired
      else {
        await assert.rejects(retired, /stopped/)
        world.stopAt = undefined
        await world.retirements.resume()
      }
      Object.assign(device, { state: 'retired', isStranger: false, owner: undefined })
      return
    }
    case 'recreate':
      if (isThere || device.state !== 'retired') return
      world.create(serial)
      Object.assign(device, { state: 'active', isStranger: true, owner: undefined })
      return
  }
}

async function check(world: SupplyWorld, expected: readonly Expected[], digests: readonly string[]): Promise<void> {
  for (const [n, device] of expected.entries()) {
    const serial = SERIALS[n] ?? ''
    const identity = world.identities.get(serial)
    const wasRetired =
      device.state === 'retired' || device.isStranger || world.store.tombstones.some((one) => one.serial === serial)
    assert.equal(await world.store.areRetired([{ kind: 'public-key', digest: digests[n] ?? '' }]), wasRetired)
    if (device.state === 'retired') assert.equal(identity, undefined)
    if (identity === undefined) continue
    const life = await world.lives.read(serial)
    assert.equal(life.state, device.state, serial)
    assert.equal(life.owner, device.owner, serial)
    // A new identity of an old id inherits nothing.
    if (device.isStranger) assert.deepEqual([life.model, life.serial], [undefined, undefined])
    const model = life.model === undefined ? undefined : world.models.requirements(life.model)
    const connection = {
      generationId: identity.generationId,
      basis: { kind: 'device-key', slot: 'primary' },
      isModule: false,
    } as const
    const verdict = judgeLife(await world.lives.written(serial), model, connection)
    const state = device.state === 'quarantined' ? device.before : device.state
    assert.equal(verdict.kind === 'pass', state === 'active', `${serial} ${state}`)
    assert.equal(planMove(life.state, 'retire').kind, 'moved')
  }
}
