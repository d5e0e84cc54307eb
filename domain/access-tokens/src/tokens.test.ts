import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import type { Grant } from '@holdfast/authorization'
import { type Clock, instantOf, timestampOf } from '@holdfast/base'
import { AccessTokenError } from './errors.ts'
import { CANARY_REFUSAL_MS, EXPIRED_KEPT_MS, UNUSED_MS } from './limits.ts'
import { fuzzTargets, MemoryTokenStore } from './testing/index.ts'
import { Tokens } from './tokens.ts'

const HOME = '192.0.2.1'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SCOPE: readonly Grant[] = [
  { kind: 'role', role: 'auditor', node: { kind: 'organisation', organisation: 'home' } },
]
const OF = { organisation: 'home', name: 'nightly' }

async function world(store = new MemoryTokenStore()) {
  const clock: Clock & { advance(ms: number): void } = {
    monotonic: () => instantOf(now),
    wall: () => timestampOf(now),
    advance: (ms) => {
      now += ms
    },
  }
  let now = 1_800_000_000_000
  let made = store.documents.size
  const told: SecurityEvent[] = []
  const damaged: string[] = []
  const faults: unknown[] = []
  const tokens = await Tokens.open({
    store,
    clock,
    random: (bytes) =>
      createHash('sha512')
        .update(String((made += 1)))
        .digest()
        .subarray(0, bytes),
    events: (event) => told.push(event),
    damaged: (id) => damaged.push(id),
    fault: (error) => faults.push(error),
  })
  const code = (text: string, address = HOME): string => {
    const verdict = tokens.identify(text, address)
    return verdict.kind === 'denied' ? verdict.code : verdict.kind
  }
  const create = async (name = 'nightly', more: object = {}): Promise<string> =>
    (await tokens.create({ name, organisation: 'home', scope: SCOPE, ...more }, 'operator/alice')).text
  return { store, clock, told, damaged, faults, tokens, code, create }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function refused(code: AccessTokenError['code']): (error: unknown) => boolean {
  return (error) => error instanceof AccessTokenError && error.code === code
}

test('a token counts for a day unless asked, and is kept as its digest alone', async () => {
  const { clock, code, create, store } = await world()
  const text = await create()
  assert.equal(code(text), 'known')
  const kept = JSON.stringify([...store.documents, store.events])
  assert.ok(!kept.includes(text))
  assert.ok(kept.includes(createHash('sha256').update(text).digest('hex')))
  clock.advance(DAY_MS - 1)
  assert.equal(code(text), 'known')
  clock.advance(1)
  assert.equal(code(text), 'token-expired')
})

test('it counts after the next start, and says who made it', async () => {
  const first = await world()
  const text = await first.create()
  const { tokens } = await world(first.store)
  const verdict = tokens.identify(text, HOME)
  assert.ok(verdict.kind === 'known')
  assert.equal(verdict.token.maker, 'operator/alice')
  assert.deepEqual(verdict.token.scope, SCOPE)
})

test('what may not be asked for is refused: names, lives, scopes, a name twice', async () => {
  const { create } = await world()
  await create()
  await assert.rejects(create('nightly'), refused('exists'))
  await assert.rejects(create('No Name'), refused('invalid'))
  await assert.rejects(create('a', { scope: [] }), refused('invalid'))
  await assert.rejects(create('a', { isCanary: true }), refused('invalid'))
  await assert.rejects(create('a', { scope: Array.from({ length: 17 }, () => SCOPE[0]) }), refused('invalid'))
  for (const lifeMs of [0, -1, 90 * DAY_MS + 1, Number.NaN, 1e300]) {
    await assert.rejects(create('a', { lifeMs }), refused('invalid'))
  }
  await create('a', { lifeMs: 90 * DAY_MS })
})

test('in a rotation the former works until the new one is seen', async () => {
  const { code, create, tokens } = await world()
  const former = await create()
  code(former)
  const { text } = await tokens.rotate(OF, 'operator/alice')
  assert.equal(code(former), 'known')
  assert.equal(code(text), 'known')
  await settled()
  assert.equal(code(former), 'token-unknown')
  assert.equal(code(text), 'known')
})

test('or until the overlap is over, or it is retired, or at once', async () => {
  const { clock, code, create, tokens } = await world()
  const first = await create()
  code(first)
  await tokens.rotate(OF, 'operator/alice', HOUR_MS)
  clock.advance(HOUR_MS)
  assert.equal(code(first), 'token-expired')
  await tokens.upkeep()
  assert.equal(code(first), 'token-unknown')
  const again = await create('b')
  code(again)
  await tokens.rotate({ organisation: 'home', name: 'b' }, 'operator/alice')
  await tokens.retire({ organisation: 'home', name: 'b' }, 'operator/alice')
  assert.equal(code(again), 'token-unknown')
  await assert.rejects(tokens.retire({ organisation: 'home', name: 'b' }, 'x'), refused('no-former'))
  const third = await create('c')
  await tokens.rotate({ organisation: 'home', name: 'c' }, 'operator/alice', 0)
  assert.equal(code(third), 'token-unknown')
})

test('a new text that was lost on its way is replaced, and what is in use goes on', async () => {
  const { code, create, tokens } = await world()
  const used = await create()
  code(used)
  const { text: lost } = await tokens.rotate(OF, 'operator/alice')
  const { text } = await tokens.rotate(OF, 'operator/alice')
  assert.equal(code(lost), 'token-unknown')
  assert.equal(code(used), 'known')
  assert.equal(code(text), 'known')
})

test('what expires is not rotated back to life, and a rotation never lengthens the former', async () => {
  const { clock, create, tokens } = await world()
  await create('nightly', { lifeMs: HOUR_MS })
  clock.advance(HOUR_MS / 2)
  const { token } = await tokens.rotate(OF, 'operator/alice', 7 * DAY_MS)
  assert.equal(token.secrets[1]?.expires, clock.wall() + HOUR_MS / 2)
  clock.advance(DAY_MS)
  await assert.rejects(tokens.rotate(OF, 'operator/alice'), refused('expired'))
})

test('what is revoked counts no more, its streams end; when the disk fails, too, and asking again goes on', async () => {
  const { code, create, tokens, store } = await world()
  const text = await create()
  const verdict = tokens.identify(text, HOME)
  assert.ok(verdict.kind === 'known')
  store.isBroken = true
  await assert.rejects(tokens.revoke(OF, 'operator/alice'))
  assert.equal(code(text), 'token-unknown')
  assert.ok(verdict.ended.aborted)
  store.isBroken = false
  await tokens.upkeep()
  assert.equal(code(text), 'token-unknown')
  await tokens.revoke(OF, 'operator/alice')
  assert.equal(store.documents.size, 0)
  await assert.rejects(tokens.revoke(OF, 'operator/alice'), refused('missing'))
})

test('a report revokes what is ours, whoever sends it, and says who owns it', async () => {
  const { code, create, tokens, store } = await world()
  const text = await create()
  const other = await create('other')
  await tokens.report(['nonsense', `hft_${'0'.repeat(49)}`, text, text], '192.0.2.7')
  assert.equal(code(text), 'token-unknown')
  assert.equal(code(other), 'known')
  const reported = store.events.filter((event) => (event as SecurityEvent).type === 'token.reported')
  assert.equal(reported.length, 1)
  assert.equal((reported[0] as SecurityEvent).detail.maker, 'operator/alice')
})

test('a canary opens nothing, tells, and closes its address for a while to what is new there', async () => {
  const { clock, code, create, tokens, told } = await world()
  const familiar = await create('familiar')
  const fresh = await create('fresh')
  const canary = await create('canary', { scope: [], isCanary: true })
  assert.equal(code(familiar), 'known')
  assert.equal(code(canary), 'token-canary')
  assert.equal(told.at(-1)?.type, 'token.canary-used')
  assert.equal(code(fresh), 'throttled')
  assert.equal(code(familiar), 'known')
  assert.equal(code(fresh, '198.51.100.1'), 'known')
  clock.advance(CANARY_REFUSAL_MS)
  assert.equal(code(fresh), 'known')
  await settled()
  const kept = tokens.named('home', 'canary')
  assert.ok(kept !== undefined && tokens.isCanaryUsed(kept))
  await assert.rejects(tokens.rotate({ organisation: 'home', name: 'canary' }, 'x'), refused('invalid'))
})

test('a canary that is reported is told of and stays', async () => {
  const { code, create, tokens, told } = await world()
  const canary = await create('canary', { scope: [], isCanary: true })
  await tokens.report([canary], HOME)
  assert.equal(told.at(-1)?.type, 'token.reported')
  assert.equal(code(canary), 'token-canary')
})

test('who guesses is soon refused unseen; what came in from there before is not', async () => {
  const { code, create } = await world()
  const familiar = await create('familiar')
  const fresh = await create('fresh')
  code(familiar)
  const codes = Array.from({ length: 120 }, (_, at) => code(at % 2 === 0 ? 'nonsense' : `hft_${'A'.repeat(49)}`))
  assert.equal(codes[0], 'token-malformed')
  assert.equal(codes.at(-1), 'throttled')
  assert.equal(code(fresh), 'throttled')
  assert.equal(code(familiar), 'known')
})

test('nobody uses it for thirty days: told once; a month after its end it is gone', async () => {
  const { clock, create, tokens, store } = await world()
  await create('nightly', { lifeMs: 90 * DAY_MS })
  clock.advance(UNUSED_MS)
  await tokens.upkeep()
  await tokens.upkeep()
  const types = (): readonly string[] => store.events.map((event) => (event as SecurityEvent).type)
  assert.equal(types().filter((type) => type === 'token.unused').length, 1)
  clock.advance(90 * DAY_MS + EXPIRED_KEPT_MS)
  await tokens.upkeep()
  assert.equal(types().at(-1), 'token.expired')
  assert.equal(tokens.list('home').length, 0)
})

test('when it was used is written at the upkeep, and shown before', async () => {
  const first = await world()
  first.code(await first.create())
  assert.equal(first.tokens.named('home', 'nightly')?.secrets[0]?.lastUse?.address, HOME)
  await first.tokens.upkeep()
  const next = await world(first.store)
  assert.equal(next.tokens.named('home', 'nightly')?.secrets[0]?.lastUse?.address, HOME)
})

test('whose maker is gone: its streams end', async () => {
  const { create, tokens } = await world()
  const verdict = tokens.identify(await create(), HOME)
  assert.ok(verdict.kind === 'known')
  tokens.endOf(() => false)
  assert.ok(!verdict.ended.aborted)
  tokens.endOf(({ maker }) => maker === 'operator/alice')
  assert.ok(verdict.ended.aborted)
})

test('what is stored and does not hold is left out by name, and opens nothing', async () => {
  const store = new MemoryTokenStore()
  const first = await world(store)
  const text = await first.create()
  for (const [id] of store.documents) store.documents.set(id, '{"id":1}')
  const { damaged, code } = await world(store)
  assert.equal(damaged.length, 1)
  assert.equal(code(text), 'token-unknown')
})

test('any document is read as it was written, or refused', () => {
  for (const { seeds, run } of fuzzTargets) {
    for (const seed of seeds) {
      run(seed)
      for (let at = 0; at < seed.length; at += 1) {
        run(Uint8Array.from(seed, (byte, place) => (place === at ? byte ^ 1 : byte)))
        run(seed.subarray(0, at))
      }
    }
  }
})
