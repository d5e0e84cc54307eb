import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { Cut } from '@holdfast/identity'
import { standingClock } from '@holdfast/keys/testing'
import { AuthorityError } from '../../core/authority/errors.ts'
import { stage } from '../../testing/management-stage.ts'
import { memoryAuthority } from '../../testing/memory-authority.ts'

const DAY_MS = 86_400_000
const isCode = (code: string) => (error: unknown) => error instanceof AuthorityError && error.code === code

async function world() {
  const clock = standingClock()
  const live = new Map<string, number>()
  const asked: ReadonlySet<string>[] = []
  const cut: Cut[] = []
  const it = await memoryAuthority(clock, {
    issued: {
      countByIssuer: async () => [...live].map(([issuerSha256, count]) => ({ issuerSha256, live: count })),
      cutsOf: async (issuers) => {
        asked.push(issuers)
        return [{ kind: 'certificate', sha256: 'AB' }]
      },
    },
    cutOff: async (cuts) => {
      cut.push(...cuts)
      return { sessionsClosed: cuts.length, milliseconds: 2 }
    },
  })
  const add = (deviceId: string, daysAgo: number): void =>
    void it.moves.active.set(deviceId, {
      deviceId,
      isConnected: false,
      lastActivity: timestampOf(clock.wall() - daysAgo * DAY_MS),
    })
  return { ...it, clock, live, asked, cut, add }
}

test('a device has moved when it was given the new root, uses a certificate below it, or took the new chain alone', async () => {
  const it = await world()
  for (const id of ['fetched', 'renewed', 'connected', 'none']) it.add(id, 1)
  it.add('silent', 31)
  // Nothing counts before a roll-over has begun.
  it.witness.fetched({ deviceId: 'none' })
  await it.service.begin({}, 'operator')
  it.witness.fetched({ deviceId: 'fetched' })
  it.witness.renewed({ deviceId: 'renewed' })
  it.witness.opened({ deviceId: 'connected' })
  const by = async () => (await it.service.progress(30)).by
  assert.deepEqual(await by(), { fetched: 1, renewed: 1, connected: 0 })
  // Vouched for by the old root, the new chain says nothing of who trusts what.
  await it.service.switch('crossed', 'operator')
  it.clock.advance(DAY_MS / 24)
  it.witness.opened({ deviceId: 'connected' })
  assert.deepEqual(await by(), { fetched: 1, renewed: 1, connected: 0 })
  await it.service.switch('new', 'operator')
  // It may have shaken hands before.
  it.witness.opened({ deviceId: 'connected' })
  assert.deepEqual(await by(), { fetched: 1, renewed: 1, connected: 0 })
  it.clock.advance(60_000)
  it.witness.opened({ deviceId: 'connected' })
  it.witness.opened({ deviceId: 'fetched' })
  const progress = await it.service.progress(30)
  assert.deepEqual(progress.by, { fetched: 0, renewed: 1, connected: 2 })
  assert.deepEqual([progress.active, progress.moved, progress.remaining], [4, 3, ['none']])
  assert.deepEqual((await it.service.progress(60)).active, 5)
  await it.witness.end()
})

test('the old root is safe to retire when the new chain is shown, all have moved, and no certificate is below it', async () => {
  const it = await world()
  it.add('one', 1)
  const old = it.authority.issuing.certificate.sha256Thumbprint
  it.live.set(old, 1)
  await it.service.begin({}, 'operator')
  const isSafe = async (): Promise<boolean> => (await it.service.progress(30)).safeToRetire
  it.witness.renewed({ deviceId: 'one' })
  assert.equal(await isSafe(), false)
  await it.service.switch('crossed', 'operator')
  assert.equal(await isSafe(), false)
  assert.equal((await it.service.progress(30)).certificatesBelowOld, 1)
  await assert.rejects(it.service.finish({}, 'operator'), isCode('not-all-moved'))
  it.live.set(old, 0)
  it.live.set(it.authority.issuing.certificate.sha256Thumbprint, 1)
  assert.equal(await isSafe(), true)
  const finished = await it.service.finish({}, 'operator')
  assert.deepEqual(it.asked, [new Set([old])])
  assert.deepEqual([finished.sessionsClosed, it.cut.length], [1, 1])
  assert.equal(it.followed.at(-1), it.authority.material().certificate)
  await it.witness.end()
})

test('a roll-over is finished over devices that have not moved only when that is said', async () => {
  const it = await world()
  it.add('left', 1)
  await it.service.begin({}, 'operator')
  // Never while the listeners show the old chain: every device would be locked out at once.
  await assert.rejects(it.service.finish({ force: true }, 'operator'), isCode('not-switched'))
  await it.service.switch('new', 'operator')
  await assert.rejects(it.service.finish({}, 'operator'), isCode('not-all-moved'))
  assert.equal(it.authority.rollover?.serving, 'new')
  await it.service.finish({ force: true }, 'operator')
  assert.equal(it.authority.rollover, undefined)
  await it.witness.end()
})

test('what was seen for one roll-over says nothing in the next; a root that nobody used is gone with the way back', async () => {
  const it = await world()
  it.add('one', 1)
  await it.service.begin({}, 'operator')
  it.witness.fetched({ deviceId: 'one' })
  assert.equal((await it.service.progress(30)).moved, 1)
  const back = await it.service.back('operator')
  assert.equal(back.roots.length, 1)
  await assert.rejects(it.service.progress(30), isCode('no-rollover'))
  await it.service.begin({}, 'operator')
  assert.equal((await it.service.progress(30)).moved, 0)
  it.live.set(it.authority.issuing.certificate.sha256Thumbprint, 1)
  assert.equal((await it.service.back('operator')).roots.length, 2)
  await it.witness.end()
})

test('notices stand while a key of a root lies with the data, and end with it', async () => {
  const it = await world()
  const codes = (): readonly string[] => it.notices.list().map(({ code }) => code)
  assert.deepEqual(codes(), ['root-key-on-machine'])
  const passphrase = Buffer.from('a passphrase of the tests')
  const { bundle } = await it.service.exportRoot(passphrase, undefined, 'operator')
  assert.deepEqual(codes(), ['root-key-on-machine'])
  await it.service.removeRoot({ bundle, passphrase }, 'operator')
  assert.deepEqual(codes(), [])
  await it.service.begin({ passphrase }, 'operator')
  assert.deepEqual(codes(), ['root-bundle-on-machine'])
  await it.witness.end()
})

test('routes that carry a passphrase are for the local socket; all are for the owner; refusals are told', async () => {
  const hub = await stage()
  const secret = Buffer.from('a passphrase of the tests').toString('base64')
  for (const [path, body] of [
    ['root/export', { secret }],
    ['root/verify', { secret, bundle: '{}' }],
    ['root/remove', { secret, bundle: '{}' }],
    ['root/use', {}],
    ['rollover/begin', {}],
  ] as const) {
    const answer = await hub.service('iothubowner', 'POST', `/hub-authority/${path}`, body)
    assert.deepEqual([answer.status, answer.body.code], [403, 'local-only'], path)
  }
  for (const policy of ['service', 'registryReadWrite', 'device']) {
    assert.equal((await hub.service(policy, 'GET', '/hub-authority')).status, 403, policy)
    assert.equal((await hub.service(policy, 'POST', '/hub-authority/rollover/back')).status, 403, policy)
  }
  const shown = await hub.service('iothubowner', 'GET', '/hub-authority')
  assert.equal(shown.status, 200)
  assert.doesNotMatch(JSON.stringify(shown.body), /sealed|PRIVATE|handle/)
  const refused = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await hub.local('POST', `/hub-authority/${path}`, body)
    return [answer.status, answer.body.code]
  }
  assert.deepEqual(await refused('root/verify', { secret, bundle: '{}' }), [400, 'wrong-bundle'])
  assert.deepEqual(await refused('root/export', { secret: Buffer.from('short').toString('base64') }), [
    400,
    'bad-passphrase',
  ])
  assert.deepEqual(await refused('root/export', { secret, generation: 7 }), [409, 'root-key-away'])
  assert.deepEqual(await refused('root/export', { secret: 'no base64!' }), [400, 'invalid-request'])
  assert.deepEqual(await refused('rollover/back', undefined), [409, 'no-rollover'])
  assert.deepEqual(await refused('rollover/switch', { serving: 'old' }), [400, 'invalid-request'])
  const reasons = hub.events.filter(({ type }) => type === 'hub-authority.refused').map(({ detail }) => detail.reason)
  assert.deepEqual(reasons, ['wrong-bundle', 'bad-passphrase', 'root-key-away', 'no-rollover'])
})
