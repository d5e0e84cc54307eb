import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
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

test('a context travels beside the call and is found while it is served, by that call alone', async () => {
  const { port1, port2 } = new MessageChannel()
  const here = new AsyncLocalStorage<string>()
  const there = new AsyncLocalStorage<string>()
  const served = {
    who: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return there.getStore() ?? 'nobody'
    },
  }
  serve(port1, served, { within: (context, call) => there.run(context, call) })
  const far = connect<typeof served>(port2, { context: () => here.getStore() })
  const asked = [here.run('https/a', () => far.who()), far.who(), here.run('mqtt/b', () => far.who())]
  assert.deepEqual(await Promise.all(asked), ['https/a', 'nobody', 'mqtt/b'])
  port1.close()
})
