/** What every implementation of the ports must do, as one list of rules. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import {
  type Ack,
  type CommandEnd,
  type CommandStore,
  encodeCommandContent,
  type FeedbackRecord,
  type NewCommand,
  type QueueEntry,
  type ServiceQueueStore,
} from '../index.ts'

/** Both ports of one store, and the identities that it knows. */
export interface ContractStore {
  readonly store: CommandStore & ServiceQueueStore
  /** Makes the identity, and its device where it is a module. */
  addIdentity(key: IdentityKey, generationId: string): Promise<void>
  deleteIdentity(key: IdentityKey): Promise<void>
  close(): Promise<void>
}

const D: IdentityKey = { deviceId: 'd' }
const M: IdentityKey = { deviceId: 'd', moduleId: 'm' }
const NOW = 1_000_000
const at = timestampOf(NOW)

function command(key: IdentityKey, change: Partial<NewCommand> & { readonly messageId?: string } = {}): NewCommand {
  const { messageId = 'id', ...rest } = change
  const content = encodeCommandContent({ messageId, properties: [['name', 'Łódź/1']], body: Uint8Array.of(0, 255, 7) })
  return { key, ack: 'none', enqueued: at, expires: timestampOf(NOW + 1_000), content, ...rest }
}

async function enqueue(
  store: CommandStore,
  key: IdentityKey,
  change: Partial<NewCommand> & { readonly messageId?: string } = {},
): Promise<number> {
  const outcome = await store.enqueueCommand(command(key, change), { depthMax: 50 })
  assert.equal(outcome.kind, 'enqueued')
  return outcome.kind === 'enqueued' ? outcome.sequence : 0
}

/** Rows of SQLite have no prototype. */
function plain(entries: readonly QueueEntry[] | undefined): readonly QueueEntry[] | undefined {
  return entries?.map((entry) => ({ ...entry }))
}

export function commandStoreContract(name: string, open: () => Promise<ContractStore>): void {
  function rule(text: string, check: (stage: ContractStore) => Promise<void>): void {
    test(`${name}: ${text}`, async () => {
      const stage = await open()
      try {
        await stage.addIdentity(D, 'g1')
        await stage.addIdentity(M, 'g2')
        await check(stage)
      } finally {
        await stage.close()
      }
    })
  }

  rule('what was written is read back, of each identity its own, in order', async ({ store }) => {
    const first = await enqueue(store, D)
    const other = await enqueue(store, M, { ack: 'full' })
    const second = await enqueue(store, D, { expires: timestampOf(NOW + 5) })
    assert.ok(first < other && other < second)
    const queue = await store.readCommandQueue(D)
    assert.equal(queue?.generationId, 'g1')
    assert.deepEqual(plain(queue?.entries), [
      { sequence: first, expires: NOW + 1_000, deliveryCount: 0 },
      { sequence: second, expires: NOW + 5, deliveryCount: 0 },
    ])
    assert.equal((await store.readCommandQueue(M))?.generationId, 'g2')
    const read = await store.readCommand(M, other)
    const written = command(M, { ack: 'full' })
    assert.deepEqual(
      { ...read, content: Buffer.from(read?.content ?? []).toString('hex') },
      {
        ...written,
        content: Buffer.from(written.content).toString('hex'),
        sequence: other,
        generationId: 'g2',
        deliveryCount: 0,
      },
    )
    assert.equal(await store.readCommand(D, other), undefined, "another's message is not there")
    assert.equal(await store.readCommandQueue({ deviceId: 'nobody' }), undefined)
  })

  rule('nothing is kept for an identity that does not exist', async ({ store }) => {
    for (const key of [{ deviceId: 'nobody' }, { deviceId: 'd', moduleId: 'x' }]) {
      assert.deepEqual(await store.enqueueCommand(command(key), { depthMax: 50 }), { kind: 'missing' })
    }
  })

  rule('as many are kept as may be, of many at once too; what has expired does not count', async ({ store }) => {
    const bounds = { depthMax: 3 }
    const outcomes = await Promise.all(Array.from({ length: 9 }, () => store.enqueueCommand(command(D), bounds)))
    assert.equal(outcomes.filter(({ kind }) => kind === 'enqueued').length, 3)
    assert.equal(outcomes.filter(({ kind }) => kind === 'full').length, 6)
    assert.equal((await store.enqueueCommand(command(M), bounds)).kind, 'enqueued')
    const later = command(D, { enqueued: timestampOf(NOW + 1_000), expires: timestampOf(NOW + 2_000) })
    assert.equal((await store.enqueueCommand(later, bounds)).kind, 'enqueued')
    assert.deepEqual(await store.countCommands([D, M, { deviceId: 'nobody' }], at), [4, 1, 0])
    assert.deepEqual(await store.countCommands([D, M], timestampOf(NOW + 1_000)), [1, 0])
  })

  rule('a number is never given twice, not even of what is gone', async ({ store }) => {
    const first = await enqueue(store, D)
    await store.changeCommands([{ key: D, sequence: first, change: { kind: 'end', end: 'completed' } }], at)
    assert.ok((await enqueue(store, D)) > first)
  })

  rule('changes are one step, with answers in their order', async ({ store }) => {
    const [a, b, c] = [await enqueue(store, D), await enqueue(store, D), await enqueue(store, D)]
    const abandon = { kind: 'abandon', deliveriesMax: 2 } as const
    const end = { kind: 'end', end: 'completed' } as const
    assert.deepEqual(
      await store.changeCommands(
        [
          { key: D, sequence: b, change: end },
          { key: D, sequence: a, change: abandon },
          { key: D, sequence: b, change: end },
          { key: M, sequence: c, change: end },
          { key: D, sequence: 999, change: abandon },
        ],
        at,
      ),
      [
        { kind: 'ended', hasFeedback: false },
        { kind: 'kept', deliveryCount: 1 },
        { kind: 'missing' },
        { kind: 'missing' },
        { kind: 'missing' },
      ],
    )
    assert.deepEqual(plain((await store.readCommandQueue(D))?.entries), [
      { sequence: a, expires: NOW + 1_000, deliveryCount: 1 },
      { sequence: c, expires: NOW + 1_000, deliveryCount: 0 },
    ])
    assert.equal((await store.readCommand(D, a))?.deliveryCount, 1)
    assert.deepEqual(await store.changeCommands([{ key: D, sequence: a, change: abandon }], at), [
      { kind: 'ended', hasFeedback: false },
    ])
    assert.deepEqual(await store.changeCommands([], at), [])
  })

  rule('feedback is written for exactly the ends that `ack` asks for, and batched in order', async ({ store }) => {
    const ends: readonly CommandEnd[] = ['completed', 'expired', 'delivery-count-exceeded', 'rejected', 'purged']
    const acks: readonly Ack[] = ['none', 'positive', 'negative', 'full']
    const expected: string[] = []
    for (const ack of acks) {
      for (const end of ends) {
        const messageId = `${ack}-${end}`
        const sequence = await enqueue(store, D, { ack, messageId })
        const [outcome] = await store.changeCommands([{ key: D, sequence, change: { kind: 'end', end } }], at)
        const isAsked =
          ack === 'full' || (ack === 'positive' && end === 'completed') || (ack === 'negative' && end !== 'completed')
        assert.deepEqual(outcome, { kind: 'ended', hasFeedback: isAsked }, messageId)
        if (isAsked) expected.push(messageId)
      }
    }
    const early = {
      recordsMax: 64,
      olderThan: timestampOf(NOW - 1),
      enqueued: at,
      expires: timestampOf(NOW + 9),
      messagesMax: 10,
    }
    assert.deepEqual(await store.batchFeedback(early), { waiting: expected.length })
    const small = await store.batchFeedback({ ...early, recordsMax: 4 })
    assert.ok(small.made !== undefined && small.waiting > 0)
    const rest = await store.batchFeedback({ ...early, olderThan: at })
    assert.ok(rest.made !== undefined && rest.waiting === 0)
    assert.deepEqual(await store.batchFeedback({ ...early, olderThan: at }), { waiting: 0 })
    const records: FeedbackRecord[] = []
    for (const { made } of [small, rest]) {
      const message = await store.readServiceMessage('feedback', made?.entry.sequence ?? 0)
      records.push(...(JSON.parse(Buffer.from(message?.content ?? []).toString('utf8')) as FeedbackRecord[]))
    }
    assert.deepEqual(
      records.map(({ originalMessageId }) => originalMessageId),
      expected,
    )
    assert.deepEqual(records[0], {
      originalMessageId: 'positive-completed',
      description: 'Success',
      statusCode: 'Success',
      deviceId: 'd',
      deviceGenerationId: 'g1',
      enqueuedTimeUtc: new Date(NOW).toISOString(),
    })
  })

  rule('a purge ends what waits for one identity, and says what it was', async ({ store }) => {
    const mine = [await enqueue(store, D, { ack: 'full' }), await enqueue(store, D)]
    const module = await enqueue(store, M, { ack: 'full' })
    assert.deepEqual(await store.purgeCommands(D, at), { sequences: mine, hasFeedback: true })
    assert.deepEqual(await store.purgeCommands(D, at), { sequences: [], hasFeedback: false })
    assert.deepEqual(
      (await store.readCommandQueue(M))?.entries.map(({ sequence }) => sequence),
      [module],
    )
    assert.deepEqual(await store.purgeCommands(M, at), { sequences: [module], hasFeedback: true })
  })

  rule('what has expired is listed by its time, page by page', async ({ store }) => {
    const expected: { readonly key: IdentityKey; readonly sequence: number; readonly expires: number }[] = []
    for (const [offset, key] of [
      [30, D],
      [10, M],
      [20, D],
      [10, D],
      [40, D],
    ] as const) {
      const expires = timestampOf(NOW + offset)
      const sequence = await enqueue(store, key, { expires })
      if (offset <= 30) expected.push({ key, sequence, expires })
    }
    expected.sort((a, b) => a.expires - b.expires || a.sequence - b.sequence)
    const until = timestampOf(NOW + 30)
    const seen: unknown[] = []
    let page = await store.listExpiredCommands({ at: until, limit: 2 })
    for (; page.length > 0; ) {
      seen.push(...page)
      const after = page.at(-1)
      page = await store.listExpiredCommands({ at: until, limit: 2, ...(after === undefined ? {} : { after }) })
    }
    assert.deepEqual(seen, expected)
  })

  rule('messages go with their identity, and another one of the same id inherits nothing', async (stage) => {
    const { store } = stage
    const kept = await enqueue(store, M, { ack: 'full' })
    await enqueue(store, D, { ack: 'full' })
    await stage.deleteIdentity(D)
    assert.equal(await store.readCommandQueue(D), undefined)
    assert.deepEqual(
      await store.changeCommands([{ key: M, sequence: kept, change: { kind: 'end', end: 'completed' } }], at),
      [{ kind: 'missing' }],
    )
    await stage.addIdentity(D, 'g3')
    await stage.addIdentity(M, 'g4')
    assert.deepEqual(await store.readCommandQueue(D), { generationId: 'g3', entries: [] })
    assert.deepEqual(await store.readCommandQueue(M), { generationId: 'g4', entries: [] })
    assert.deepEqual(await store.countCommands([D, M], at), [0, 0])
  })

  rule('the service queues are apart, in order, and bounded by giving up their oldest', async ({ store }) => {
    const message = (text: string, life = 100) => ({
      enqueued: at,
      expires: timestampOf(NOW + life),
      content: Buffer.from(text),
    })
    const bounds = { messagesMax: 3 }
    const sequences: number[] = []
    for (const text of ['a', 'b', 'c']) {
      const { entry, dropped } = await store.enqueueServiceMessage('feedback', message(text), bounds)
      assert.deepEqual([entry.expires, entry.deliveryCount, dropped], [NOW + 100, 0, 0])
      sequences.push(entry.sequence)
    }
    const other = await store.enqueueServiceMessage('file-notifications', message('f', 10), bounds)
    const fourth = await store.enqueueServiceMessage('feedback', message('d'), bounds)
    assert.equal(fourth.dropped, 1)
    const listed = await store.readServiceQueue('feedback', { after: 0, limit: 10 })
    assert.deepEqual(
      listed.map(({ sequence }) => sequence),
      [...sequences.slice(1), fourth.entry.sequence],
    )
    assert.deepEqual(
      (await store.readServiceQueue('feedback', { after: sequences[1] ?? 0, limit: 1 })).map(
        ({ sequence }) => sequence,
      ),
      [sequences[2]],
    )
    const read = await store.readServiceMessage('feedback', fourth.entry.sequence)
    assert.deepEqual([read?.enqueued, Buffer.from(read?.content ?? []).toString()], [NOW, 'd'])
    assert.equal(await store.readServiceMessage('feedback', other.entry.sequence), undefined)
    assert.equal(await store.removeServiceMessage('feedback', other.entry.sequence), false)
    assert.equal(await store.removeServiceMessage('feedback', sequences[1] ?? 0), true)
    assert.equal(await store.removeServiceMessage('feedback', sequences[1] ?? 0), false)
    const last = sequences[2] ?? 0
    assert.deepEqual(await store.abandonServiceMessage('feedback', last, 2), { kind: 'kept', deliveryCount: 1 })
    assert.deepEqual(await store.abandonServiceMessage('feedback', last, 2), { kind: 'ended', hasFeedback: false })
    assert.deepEqual(await store.abandonServiceMessage('feedback', last, 2), { kind: 'missing' })
    assert.equal(await store.expireServiceMessages(timestampOf(NOW + 10), 10), 1)
    assert.deepEqual(await store.readServiceQueue('file-notifications', { after: 0, limit: 10 }), [])
    assert.equal(await store.expireServiceMessages(timestampOf(NOW + 10), 10), 0)
  })
}
