import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { connect } from '@holdfast/node/threads'
import { device } from './state/contract.ts'
import type { StateThread, StateThreadData } from './state/state-dispatch.ts'
import { openStateStore } from './state/state-store.ts'
import { random, testKeys, withFile } from './state/testing.ts'

const ENTRY = new URL('./state-thread.ts', import.meta.url)

async function withThread(use: (state: ReturnType<typeof connect<StateThread>>) => Promise<void>): Promise<void> {
  const events = new MessageChannel()
  const workerData: StateThreadData = { events: events.port2 }
  const worker = new Worker(ENTRY, { workerData, transferList: [events.port2] })
  try {
    await use(connect<StateThread>(worker))
  } finally {
    events.port1.close()
    await worker.terminate()
  }
}

test('the thread serves the ports once it is open, and only those', async () => {
  await withFile(async (file) => {
    await withThread(async (state) => {
      await assert.rejects(state.readSetting('x'), /no method readSetting/)
      await state.open({ file, keys: testKeys(1) })
      await assert.rejects(state.open({ file, keys: testKeys(1) }), /open already/)
      const one = device('d')
      assert.equal(await state.writeIdentity(one, { kind: 'absent' }), 'written')
      assert.deepEqual(await state.readIdentity(one), one)
      const outcomes = await Promise.all(
        Array.from({ length: 500 }, (_, i) => state.writeIdentity(device(`d${i}`), { kind: 'absent' })),
      )
      assert.equal(
        outcomes.every((outcome) => outcome === 'written'),
        true,
      )
      await state.replaceKeys(testKeys(1, 2))
      assert.equal((await state.reseal()).rows, 500)
      assert.deepEqual(await state.readIdentity(one), one)
      const odd: unknown = Reflect.get(state, 'constructor')
      assert.ok(typeof odd === 'function')
      await assert.rejects(async () => odd(), /no method constructor/)
      await state.close()
    })
  })
})

test('what is wrong with the file crosses with code, file and remedy, and the thread can open another', async () => {
  await withFile(async (file) => {
    await withThread(async (state) => {
      await writeFile(file, 'a text')
      await assert.rejects(state.open({ file, keys: testKeys(1) }), (error) => {
        assert.ok(error instanceof Error && 'code' in error)
        assert.equal(error.code, 'STORE_DAMAGED')
        assert.match(error.message, /state\.db: .*; restore/)
        return true
      })
      await state.open({ file: `${file}2`, keys: testKeys(1) })
      await state.close()
    })
  })
})

test('what was acknowledged is there after a SIGKILL at any moment', async () => {
  await withFile(async (file) => {
    const entry = new URL('./state/state-store.ts', import.meta.url).href
    const contract = new URL('./state/contract.ts', import.meta.url).href
    const script = `
      const { openStateStore } = await import(${JSON.stringify(entry)})
      const { device } = await import(${JSON.stringify(contract)})
      const { writeSync } = await import('node:fs')
      const keys = { current: 1, keys: [{ epoch: 1, bytes: new Uint8Array(32).fill(1) }] }
      const store = await openStateStore({ file: ${JSON.stringify(file)}, keys, random: (n) => crypto.getRandomValues(new Uint8Array(n)) })
      for (let i = 0; ; i++) {
        const id = process.argv[1] + '-' + i
        const note = () => writeSync(1, id + '\\n')
        const write = store.writeIdentity(device(id), { kind: 'absent' }).then(note)
        if (i % 20 === 19) await write
      }`
    const acknowledged: string[] = []
    for (const [round, afterLines] of [5, 200, 90].entries()) {
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
      acknowledged.push(...text.split('\n').filter((line) => /^r\d-\d+$/.test(line)))
    }
    const store = await openStateStore({ file, keys: testKeys(1), random })
    assert.ok(acknowledged.length > 100)
    for (const deviceId of acknowledged) assert.notEqual(await store.readIdentity({ deviceId }), undefined, deviceId)
    await store.close()
  })
})
