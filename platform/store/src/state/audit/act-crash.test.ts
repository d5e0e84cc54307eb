/** A change of an identity and its entry in the log are there together, or neither is, wherever the process is killed. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { type Identity, identitySubject } from '@holdfast/identity'
import { openStateStore, type StateStore } from '../state-store.ts'
import { random, testKeys, withFile } from '../testing.ts'
import type { AuditEntry } from './port.ts'

const ROUNDS = 8

/** Runs the child until it has acknowledged so much, kills it, and answers what it acknowledged, each as often as it did. */
function runAndKill(file: string, from: number, acknowledgements: number): Promise<ReadonlyMap<string, number>> {
  return new Promise((resolve, reject) => {
    const path = new URL('../../testing/act-crash-child.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [path, file, String(from)])
    let out = ''
    let error = ''
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString()
      if (out.split('\n').length > acknowledgements) child.kill('SIGKILL')
    })
    child.stderr.on('data', (bytes: Buffer) => {
      error += bytes.toString()
    })
    child.on('close', (_code, signal) => {
      if (signal !== 'SIGKILL') return reject(new Error(`the child ended by itself: ${error}`))
      const counts = new Map<string, number>()
      for (const line of out.split('\n').slice(0, -1)) counts.set(line, (counts.get(line) ?? 0) + 1)
      resolve(counts)
    })
  })
}

async function entriesOf(store: StateStore): Promise<readonly AuditEntry[]> {
  const all: AuditEntry[] = []
  let after: number | undefined
  for (;;) {
    const page = await store.audit.listAuditEntries({
      order: 'oldest',
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    all.push(...page.entries)
    if (page.next === undefined) return all
    after = page.next
  }
}

/** What the identities are by the log alone: subject, and status. Each entry has to follow from those before it. */
function replayed(entries: readonly AuditEntry[]): ReadonlyMap<string, unknown> {
  const identities = new Map<string, unknown>()
  entries.forEach(({ index, type, content }, nth) => {
    assert.equal(index, nth, 'no index is left out')
    if (!type.startsWith('identity.')) return
    assert.ok(content.kind === 'body')
    const { subject, detail } = content
    if (type === 'identity.created') {
      assert.ok(!identities.has(subject), `${subject} was created twice`)
      identities.set(subject, detail.status)
    } else if (type === 'identity.updated') {
      assert.ok(identities.has(subject), `${subject} was changed, and was not there`)
      identities.set(subject, detail.status)
    } else if (type === 'identity.deleted') {
      assert.ok(identities.delete(subject), `${subject} was deleted, and was not there`)
      // A device takes its modules with it.
      for (const other of identities.keys()) if (other.startsWith(`${subject}/`)) identities.delete(other)
    } else assert.fail(`${type} is of no act of the child`)
  })
  return identities
}

async function kept(store: StateStore): Promise<ReadonlyMap<string, unknown>> {
  const devices = await store.listDevices({ limit: 1_000 })
  const modules = await Promise.all(devices.map(({ deviceId }) => store.listModules(deviceId)))
  const all: readonly Identity[] = [...devices, ...modules.flat()]
  return new Map(all.map((identity) => [identitySubject(identity), identity.status]))
}

const sorted = (map: ReadonlyMap<string, unknown>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))

test('killed while identities are created, changed and deleted: the log replayed is the table, exactly', async () => {
  await withFile(async (file) => {
    const before = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round += 1) {
      const acknowledged = await runAndKill(file, round * 1_001, 15 + ((round * 41) % 90))
      const store = await openStateStore({ file, keys: testKeys(1), random })
      try {
        const entries = await entriesOf(store)
        assert.deepEqual(sorted(replayed(entries)), sorted(await kept(store)), `round ${round}`)
        const counts = new Map<string, number>()
        for (const { type, content } of entries) {
          if (content.kind !== 'body') continue
          const line = `${type} ${content.subject}`
          counts.set(line, (counts.get(line) ?? 0) + 1)
        }
        for (const [line, count] of acknowledged) {
          assert.ok((counts.get(line) ?? 0) - (before.get(line) ?? 0) >= count, `round ${round}: ${line}, and gone`)
        }
        for (const [line, count] of counts) before.set(line, count)
        const head = await store.audit.auditHead()
        assert.equal(head.size, entries.length)
        assert.equal(head.contradiction, undefined)
        for (let from: number | undefined = 0; from !== undefined; ) {
          const step: Awaited<ReturnType<typeof store.audit.checkAuditLog>> = await store.audit.checkAuditLog(from)
          assert.equal(step.contradiction, undefined)
          from = step.next
        }
      } finally {
        await store.close()
      }
    }
  })
})
