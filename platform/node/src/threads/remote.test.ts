import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { connect, RemoteError, serve } from './remote.ts'

interface Sums {
  add(a: number, b: number): number
  fail(): void
}

function pair(): { sums: ReturnType<typeof connect<Sums>>; close(): void } {
  const { port1, port2 } = new MessageChannel()
  serve(port1, {
    add: (a: number, b: number) => a + b,
    fail: () => {
      throw Object.assign(new Error('no'), { code: 'ENO' })
    },
  })
  return { sums: connect<Sums>(port2), close: () => port1.close() }
}

test('answers come back to the call that asked', async () => {
  const { sums, close } = pair()
  assert.deepEqual(await Promise.all([sums.add(1, 2), sums.add(3, 4)]), [3, 7])
  close()
})

test('an error crosses with its code', async () => {
  const { sums, close } = pair()
  await assert.rejects(sums.fail(), (error) => error instanceof RemoteError && error.code === 'ENO')
  close()
})

test('a call under way is rejected when the other side ends', async () => {
  const { port1, port2 } = new MessageChannel()
  const sums = connect<Sums>(port2)
  const call = sums.add(1, 1)
  port1.close()
  await assert.rejects(call, /ended/)
})
