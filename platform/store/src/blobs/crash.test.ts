import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openUploads } from '../testing/blob-crash-child.ts'
import { testFolder } from '../testing/batches.ts'

const ROUNDS = 4

/** Runs the child until it has said so many lines, kills it at some moment after that, and answers the lines. */
function runAndKill(folder: string, lines: number, delayMs: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [new URL('../testing/blob-crash-child.ts', import.meta.url).pathname, folder])
    let out = ''
    let error = ''
    let isDying = false
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString()
      if (isDying || out.split('\n').length <= lines) return
      isDying = true
      setTimeout(() => child.kill('SIGKILL'), delayMs)
    })
    child.stderr.on('data', (bytes: Buffer) => {
      error += bytes.toString()
    })
    child.on('close', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(out.split('\n').slice(0, -1))
      else reject(new Error(`the child ended by itself: ${error}`))
    })
  })
}

test('killed at any step: what a device was told is there, what was deleted is gone, nothing is left over', async (context) => {
  const folder = testFolder(context)
  mkdirSync(folder, { recursive: true })
  const uploaded = new Map<string, string>()
  const completed = new Set<string>()
  const deleted = new Set<string>()
  const deleting = new Set<string>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const line of await runAndKill(folder, 4 + round * 3, round * 7)) {
      const [what = '', id = '', sha256 = ''] = line.split(' ')
      if (what === 'uploaded') uploaded.set(id, sha256)
      if (what === 'completed') completed.add(id)
      if (what === 'deleting') deleting.add(id)
      if (what === 'deleted') deleted.add(id)
    }
    const { uploads, store } = await openUploads(folder)
    try {
      const kept = await uploads.list({ limit: 1_000 })
      const states = new Map(kept.map(({ correlationId, state }) => [correlationId, state]))
      for (const [id, sha256] of uploaded) {
        if (deleted.has(id)) assert.ok(!states.has(id), `round ${round}: deleted, and there`)
        if (deleting.has(id)) continue
        const file = await uploads.read(id, 'test')
        assert.ok(file !== undefined, `round ${round}: told, and gone`)
        const hash = createHash('sha256')
        for await (const chunk of file.body) hash.update(chunk)
        assert.equal(hash.digest('hex'), sha256)
        if (completed.has(id)) assert.equal(states.get(id), 'completed')
      }
      const files = kept.flatMap(({ blob }) => (blob === undefined ? [] : [blob.file]))
      assert.deepEqual(readdirSync(join(folder, 'blobs')).sort(), files.sort(), `round ${round}: leftovers`)
    } finally {
      await store.close()
    }
  }
  assert.ok(completed.size > ROUNDS)
})
