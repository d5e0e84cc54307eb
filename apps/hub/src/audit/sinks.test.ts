import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkEvent, type SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import type { Outcome, Sink } from '@holdfast/forwarding'
import { entryOf, MemorySinkStore } from '@holdfast/forwarding/testing'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import type { LogEntry } from '@holdfast/review'
import { type NewSink, Sinks, type SinksParts } from './sinks.ts'
import type { Delivered } from './sink-sender.ts'

const NEW: NewSink = { name: 'siem', kind: 'webhook', address: 'https://siem.example/in', filter: {}, from: 'start' }
const actor = 'operator/local'
const by = { actor, etag: undefined }

async function stage(
  answer: (sink: Sink, what: Delivered) => Promise<Outcome> | Outcome,
  store = new MemorySinkStore(),
) {
  const log: LogEntry[] = []
  const events: SecurityEvent[] = []
  const notices = new Map<string, string>()
  const sent: { readonly sink: Sink; readonly indexes: readonly number[] }[] = []
  const faults: unknown[] = []
  const random = countingRandom()
  const parts: SinksParts = {
    clock: new ManualClock(),
    random: (bytes) => Uint8Array.from(random(bytes)),
    store,
    reader: {
      readEntries: async (from, limit) => log.slice(from, from + limit),
      readSize: async () => log.length,
    },
    events: (event) => events.push(event),
    send: async (sink, what) => {
      sent.push({ sink, indexes: what.entries.map(({ index }) => index) })
      return answer(sink, what)
    },
    setNotice: (code, notice) => (notice === undefined ? notices.delete(code) : notices.set(code, notice.detail)),
    fault: (error) => faults.push(error),
  }
  const sinks = await Sinks.open(parts)
  sinks.start()
  const grow = (count: number): void => {
    for (let at = 0; at < count; at += 1) log.push(entryOf(log.length))
    sinks.wake()
  }
  return { sinks, log, events, notices, sent, faults, store, grow }
}

/** Lets what is resolved already come through. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const taken = (): Outcome => ({ kind: 'taken' })

test('a sink gets what there is and what comes, once, and its cursor is kept', async () => {
  const { sinks, sent, store, grow, events } = await stage(taken)
  grow(3)
  const made = await sinks.create(NEW, actor)
  assert.ok(made.kind === 'done' && /^whsec_[A-Za-z0-9+/]{43}=$/.test(made.secret ?? ''))
  await settle()
  grow(2)
  await settle()
  assert.deepEqual(
    sent.map(({ indexes }) => indexes),
    [
      [0, 1, 2],
      [3, 4],
    ],
  )
  assert.equal(store.sinks.get('siem')?.cursor, 5)
  const shown = await sinks.show('siem')
  assert.deepEqual([shown?.state, shown?.backlog, shown?.cursor], ['current', 0, 5])
  assert.equal(JSON.stringify(events).includes(made.secret ?? '?'), false)
  await sinks.end()
})

test('from now on means that nothing of before is sent', async () => {
  const { sinks, sent, grow } = await stage(taken)
  grow(3)
  await sinks.create({ ...NEW, from: 'now' }, actor)
  grow(1)
  await settle()
  assert.deepEqual(
    sent.map(({ indexes }) => indexes),
    [[3]],
  )
  await sinks.end()
})

test('sinks do not wait for one another, and each hears of what its filter says', async () => {
  const { sinks, sent, grow } = await stage(({ name }) =>
    name === 'slow' ? new Promise<Outcome>(() => undefined) : taken(),
  )
  await sinks.create({ ...NEW, name: 'slow' }, actor)
  await sinks.create({ ...NEW, filter: { types: ['session.*'] } }, actor)
  grow(14)
  await settle()
  const ofSiem = sent.filter(({ sink }) => sink.name === 'siem').flatMap(({ indexes }) => indexes)
  assert.deepEqual(ofSiem, [3, 10])
  const [slow] = (await sinks.list()).filter(({ sink }) => sink.name === 'slow')
  assert.deepEqual([slow?.state, slow?.backlog], ['sending', 14])
})

test('a receiver that is away shows its backlog and since when, and stands as a notice', async () => {
  const { sinks, grow } = await stage(() => ({ kind: 'failed', reason: 'HTTP 503', retryAfterMs: 0 }))
  await sinks.create(NEW, actor)
  grow(4)
  await settle()
  const shown = await sinks.show('siem')
  assert.deepEqual([shown?.state, shown?.failures, shown?.reason, shown?.backlog], ['failing', 1, 'HTTP 503', 4])
  assert.equal(shown?.backlogSince, timestampOf(1_764_000_000_000))
  await sinks.end()
})

test('what is refused for good is set aside, told, and sent again or given up by an operator', async () => {
  let isStrict = true
  const { sinks, store, notices, grow, events } = await stage(() =>
    isStrict ? { kind: 'partly', refused: 1, reason: 'too old' } : taken(),
  )
  await sinks.create({ ...NEW, kind: 'otlp' }, actor)
  grow(2)
  await settle()
  assert.match(notices.get('sink-siem') ?? '', /refused/)
  assert.equal((await sinks.show('siem'))?.setAside, 1)
  assert.deepEqual(await sinks.retry('siem', actor), { kind: 'done', taken: 0, left: 1 })
  isStrict = false
  assert.deepEqual(await sinks.retry('siem', actor), { kind: 'done', taken: 1, left: 0 })
  assert.deepEqual([store.aside.length, notices.size], [0, 0])
  isStrict = true
  grow(1)
  await settle()
  assert.deepEqual(await sinks.dismiss('siem', actor), { kind: 'done', dismissed: 1 })
  assert.deepEqual([store.aside.length, notices.size], [0, 0])
  for (const event of events) checkEvent(event)
  await sinks.end()
})

test('a change of the address takes back that private addresses are allowed, a change of the path does not', async () => {
  const { sinks } = await stage(taken)
  await sinks.create(NEW, actor)
  await sinks.allowPrivate('siem', true, actor)
  const at = async (address: string): Promise<boolean | undefined> => {
    const outcome = await sinks.change('siem', { address }, by)
    return outcome.kind === 'done' ? outcome.shown.sink.allowPrivate : undefined
  }
  assert.equal(await at('https://siem.example/other'), true)
  assert.equal(await at('https://siem.example:8443/other'), false)
  await sinks.allowPrivate('siem', true, actor)
  assert.equal(await at('https://intranet.example:8443/other'), false)
  await sinks.end()
})

test('a paused sink sends nothing, and goes on where it was', async () => {
  const { sinks, sent, grow } = await stage(taken)
  const made = await sinks.create(NEW, actor)
  const etag = made.kind === 'done' ? made.shown.sink.etag : ''
  assert.equal((await sinks.change('siem', { isEnabled: false }, { actor, etag })).kind, 'done')
  assert.equal((await sinks.change('siem', { isEnabled: true }, { actor, etag })).kind, 'etag-mismatch')
  grow(2)
  await settle()
  assert.deepEqual([sent.length, (await sinks.show('siem'))?.state], [0, 'paused'])
  await sinks.change('siem', { isEnabled: true }, by)
  await settle()
  assert.deepEqual(
    sent.map(({ indexes }) => indexes),
    [[0, 1]],
  )
  await sinks.end()
})

test('secrets rotate with an overlap, and are told once', async () => {
  const { sinks, events } = await stage(taken)
  await sinks.create(NEW, actor)
  const turned = await sinks.rotate('siem', { actor, overlapMs: 60_000 })
  assert.ok(turned.kind === 'done' && turned.secret?.startsWith('whsec_'))
  assert.deepEqual(
    turned.shown.sink.secrets.signing.map(({ endsTime }) => endsTime === undefined),
    [true, false],
  )
  assert.equal((await sinks.rotate('siem', { actor })).kind, 'done')
  assert.equal((await sinks.rotate('siem', { actor })).kind, 'too-many-secrets')
  assert.equal((await sinks.rotate('siem', { actor, overlapMs: 0 })).kind, 'done')
  await sinks.create({ ...NEW, name: 'logs', kind: 'otlp' }, actor)
  assert.equal((await sinks.rotate('logs', { actor })).kind, 'not-a-webhook')
  assert.equal((await sinks.rotate('none', { actor })).kind, 'missing')
  for (const event of events) checkEvent(event)
  await sinks.end()
})

test('what could never work is refused, and every fault is named', async () => {
  const { sinks } = await stage(taken)
  const faultsAt = async (change: Partial<NewSink>): Promise<unknown> => {
    const outcome = await sinks.create({ ...NEW, ...change }, actor)
    return outcome.kind === 'invalid' ? outcome.faults.map(({ path }) => path) : outcome.kind
  }
  assert.deepEqual(
    await faultsAt({ address: 'http://siem.example/', filter: { types: ['no.such'] }, authorities: 'x' }),
    ['/filter/types/0', '/address', '/authorities'],
  )
  assert.deepEqual(await faultsAt({ address: 'syslog://logs.example' }), ['/address'], 'of a webhook')
  assert.deepEqual(await faultsAt({ kind: 'syslog' }), ['/address'])
  assert.deepEqual(await faultsAt({ headers: { host: 'x', authorization: 'a\r\nb', 'x-a': 'ok' } }), [
    '/headers/host',
    '/headers/authorization',
  ])
  assert.deepEqual(await faultsAt({ client: { certificate: 'x', key: 'y' } }), ['/client'])
  assert.equal(await faultsAt({}), 'done')
  assert.equal(await faultsAt({}), 'exists')
  assert.equal((await sinks.remove('siem', { actor, etag: 'other' })).kind, 'etag-mismatch')
  assert.equal((await sinks.remove('siem', by)).kind, 'done')
  assert.equal((await sinks.remove('siem', by)).kind, 'missing')
  await sinks.end()
})

test('after a restart each goes on from what was written down', async () => {
  const store = new MemorySinkStore()
  const first = await stage(taken, store)
  await first.sinks.create(NEW, actor)
  first.grow(3)
  await settle()
  await first.sinks.end()
  const second = await stage(taken, store)
  second.grow(5)
  await settle()
  assert.deepEqual(
    second.sent.map(({ indexes }) => indexes),
    [[3, 4]],
  )
  await second.sinks.end()
})
