import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { encodeCommandContent, type NewCommand } from '@holdfast/commands'
import { commandStoreContract } from '@holdfast/commands/testing'
import { StoreDamagedError } from '../damaged.ts'
import { device } from './contract.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const absent = { kind: 'absent' } as const
const D = { deviceId: 'd' }
const at = timestampOf(1_000_000)
const later = timestampOf(2_000_000)

commandStoreContract('state.db', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-state-'))
  const store = await openStateStore({ file: join(folder, 'state.db'), keys: testKeys(1), random })
  return {
    store,
    addIdentity: async (key, generationId) => {
      await store.writeIdentity(device(key.deviceId, { ...key, generationId }), absent)
    },
    deleteIdentity: async (key) => {
      await store.deleteIdentity(key, { kind: 'any' })
    },
    close: async () => {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
})

function command(text: string, change: Partial<NewCommand> = {}): NewCommand {
  const content = encodeCommandContent({
    messageId: `ID-${text}`,
    properties: [['PROPERTY', `value-${text}`]],
    body: Buffer.from(`BODY-${text}`),
  })
  return { key: D, ack: 'full', enqueued: at, expires: later, content, ...change }
}

async function enqueue(store: StateStore, text: string, change: Partial<NewCommand> = {}): Promise<number> {
  const outcome = await store.enqueueCommand(command(text, change), { depthMax: 50 })
  assert.ok(outcome.kind === 'enqueued')
  return outcome.sequence
}

const BATCH = { recordsMax: 64, olderThan: at, enqueued: at, expires: later, messagesMax: 10 }

test('nothing of a message, of feedback or of a service queue stands readable in the file or its log', async () => {
  await withStore(async (store, file) => {
    await store.writeIdentity(device('d'), absent)
    const sequence = await enqueue(store, 'one')
    await enqueue(store, 'two')
    await store.changeCommands([{ key: D, sequence, change: { kind: 'end', end: 'completed' } }], at)
    const look = async (): Promise<void> => {
      for (const path of [file, `${file}-wal`]) {
        const content = existsSync(path) ? await readFile(path) : Buffer.alloc(0)
        for (const secret of ['ID-', 'PROPERTY', 'value-', 'BODY-', 'NOTICE']) assert.ok(!content.includes(secret))
      }
    }
    await look()
    await store.batchFeedback(BATCH)
    const content = Buffer.from('NOTICE')
    await store.enqueueServiceMessage(
      'file-notifications',
      { enqueued: at, expires: later, content },
      { messagesMax: 9 },
    )
    await look()
  })
})

test('a content that was moved, swapped or whose envelope was changed does not open', async () => {
  for (const change of [
    `UPDATE command SET content = (SELECT content FROM command WHERE sequence = 2) WHERE sequence = 1`,
    `UPDATE command SET ack = 'none' WHERE sequence = 1`,
    `UPDATE command SET expires_time = expires_time + 1 WHERE sequence = 1`,
    `UPDATE command SET generation_id = 'other' WHERE sequence = 1`,
  ]) {
    await withFile(async (file) => {
      const store = await openStateStore({ file, keys: testKeys(1), random })
      await store.writeIdentity(device('d'), absent)
      assert.equal(await enqueue(store, 'one'), 1)
      assert.equal(await enqueue(store, 'two'), 2)
      await store.close()
      const database = new DatabaseSync(file)
      database.exec(change)
      database.close()
      const again = await openStateStore({ file, keys: testKeys(1), random })
      await assert.rejects(again.readCommand(D, 1), StoreDamagedError, change)
      assert.ok((await again.readCommand(D, 2)) !== undefined)
      await again.close()
    })
  }
})

test('a damaged content does not keep its message from being ended, and others go on', async () => {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    await store.writeIdentity(device('d'), absent)
    await enqueue(store, 'one')
    await enqueue(store, 'two')
    await store.close()
    const database = new DatabaseSync(file)
    database.exec(`UPDATE command SET content = x'00' WHERE sequence = 1`)
    database.close()
    const again = await openStateStore({ file, keys: testKeys(1), random })
    const end = { kind: 'end', end: 'completed' } as const
    const [outcome] = await again.changeCommands([{ key: D, sequence: 1, change: end }], at)
    assert.equal(outcome?.kind, 'ended')
    assert.equal((await again.purgeCommands(D, at)).sequences.length, 1)
    await again.close()
  })
})

test('after a rotation all of it moves to the new key, a restart between any two steps', async () => {
  await withFile(async (file) => {
    let store = await openStateStore({ file, keys: testKeys(1), random })
    await store.writeIdentity(device('d', { authentication: { kind: 'none' } }), absent)
    const ended = await enqueue(store, 'ended')
    await store.changeCommands([{ key: D, sequence: ended, change: { kind: 'end', end: 'rejected' } }], at)
    const sequences: number[] = []
    for (let count = 0; count < 50; count += 1) sequences.push(await enqueue(store, `${count}`))
    const content = Buffer.from('NOTICE')
    const service = { enqueued: at, expires: later, content }
    const { entry } = await store.enqueueServiceMessage('file-notifications', service, { messagesMax: 9 })
    for (let isDone = false; !isDone; ) {
      await store.close()
      store = await openStateStore({ file, keys: testKeys(1, 2), random })
      ;({ isDone } = await store.reseal())
    }
    assert.deepEqual(await store.sealEpochs(), [2])
    await store.close()
    store = await openStateStore({ file, keys: testKeys(2), random })
    for (const [at, sequence] of sequences.entries()) {
      assert.ok(Buffer.from((await store.readCommand(D, sequence))?.content ?? []).includes(`BODY-${at}`))
    }
    const notice = await store.readServiceMessage('file-notifications', entry.sequence)
    assert.equal(Buffer.from(notice?.content ?? []).toString(), 'NOTICE')
    const { made } = await store.batchFeedback(BATCH)
    const batch = await store.readServiceMessage('feedback', made?.entry.sequence ?? 0)
    assert.match(Buffer.from(batch?.content ?? []).toString(), /"originalMessageId":"ID-ended"/)
    await store.close()
  })
})

test('numbers go on after a restart, also when all that had them is gone', async () => {
  await withFile(async (file) => {
    let store = await openStateStore({ file, keys: testKeys(1), random })
    await store.writeIdentity(device('d'), absent)
    const last = await enqueue(store, 'one')
    await store.purgeCommands(D, at)
    await store.close()
    store = await openStateStore({ file, keys: testKeys(1), random })
    assert.equal(await enqueue(store, 'two'), last + 1)
    await store.close()
  })
})

test('after a SIGKILL at any moment, what was accepted is there, and what was completed is not', async () => {
  await withFile(async (file) => {
    const entry = new URL('./state-store.ts', import.meta.url).href
    const contract = new URL('./contract.ts', import.meta.url).href
    // Each message is told of once it is accepted, and every second one again once it is completed.
    const script = `
      const { openStateStore } = await import(${JSON.stringify(entry)})
      const { device } = await import(${JSON.stringify(contract)})
      const { writeSync } = await import('node:fs')
      const keys = { current: 1, keys: [{ epoch: 1, bytes: new Uint8Array(32).fill(1) }] }
      const store = await openStateStore({ file: ${JSON.stringify(file)}, keys, random: (n) => crypto.getRandomValues(new Uint8Array(n)) })
      const content = Uint8Array.of(1, 0, 0, 0, 2, 0x7b, 0x7d)
      for (let i = 0; ; i++) {
        const key = { deviceId: process.argv[1] + '-' + (i % 40) }
        if (i < 40) await store.writeIdentity(device(key.deviceId), { kind: 'absent' })
        const command = { key, ack: 'full', enqueued: 1, expires: 9, content }
        const work = store.enqueueCommand(command, { depthMax: 1e6 }).then(async ({ sequence }) => {
          writeSync(1, '+ ' + key.deviceId + ' ' + sequence + '\\n')
          if (sequence % 2 === 1) return
          writeSync(1, '? ' + key.deviceId + ' ' + sequence + '\\n')
          await store.changeCommands([{ key, sequence, change: { kind: 'end', end: 'completed' } }], 2)
          writeSync(1, '- ' + key.deviceId + ' ' + sequence + '\\n')
        })
        if (i % 16 === 15) await work
      }`
    const lines: string[] = []
    for (const [round, afterLines] of [40, 300, 150].entries()) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, `r${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let text = ''
      child.stdout.setEncoding('utf8')
      child.stdout.on('data', (chunk: string) => {
        text += chunk
        if (text.split('\n').length > afterLines) child.kill('SIGKILL')
      })
      await once(child, 'close')
      lines.push(...text.split('\n').filter((line) => /^[-+?] \S+ \d+$/.test(line)))
    }
    const store = await openStateStore({ file, keys: testKeys(1), random })
    const said = (sign: string): ReadonlySet<string> =>
      new Set(lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(2)))
    const [accepted, begun, completed] = [said('+'), said('?'), said('-')]
    assert.ok(accepted.size > 100 && completed.size > 30, `${accepted.size} ${completed.size}`)
    for (const one of accepted) {
      const [deviceId = '', sequence = ''] = one.split(' ')
      const isThere = (await store.readCommand({ deviceId }, Number(sequence))) !== undefined
      if (completed.has(one)) assert.ok(!isThere, `${one} was completed`)
      else if (!begun.has(one)) assert.ok(isThere, `${one} was accepted`)
    }
    let records = 0
    for (let waiting = 1; waiting > 0; ) {
      const batch = await store.batchFeedback({ ...BATCH, messagesMax: 1_000 })
      const stored = await store.readServiceMessage('feedback', batch.made?.entry.sequence ?? 0)
      records += (JSON.parse(Buffer.from(stored?.content ?? Buffer.from('[]')).toString()) as unknown[]).length
      ;({ waiting } = batch)
    }
    assert.ok(records >= completed.size && records <= begun.size, `${records} records of ${completed.size} completed`)
    await store.close()
  })
})
