import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CoreToFront } from '@holdfast/messaging'
import { HeldAnswers } from './held-answers.ts'

function refuse(connection: number): CoreToFront {
  return { kind: 'refuse', connection, code: 5, reason: 'wrong-signature' }
}

function close(connection: number): CoreToFront {
  return { kind: 'close', connection, reason: 'taken-over' }
}

function world() {
  const sent: CoreToFront[] = []
  const waits: PromiseWithResolvers<void>[] = []
  const answers = new HeldAnswers({
    send: (_front, message) => sent.push(message),
    durable: () => {
      const wait = Promise.withResolvers<void>()
      waits.push(wait)
      return wait.promise
    },
  })
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return { sent, waits, answers, turn }
}

test('an answer is sent when what was told is on disk, and what follows for its connection comes after it', async () => {
  const { sent, waits, answers, turn } = world()
  answers.send(0, refuse(1))
  answers.send(0, close(1))
  answers.send(0, close(2))
  answers.send(0, { kind: 'shutdown' })
  await turn()
  assert.deepEqual(sent, [close(2), { kind: 'shutdown' }])
  waits[0]?.resolve()
  await turn()
  assert.deepEqual(sent.slice(2), [refuse(1), close(1)])
  answers.send(0, close(1))
  assert.equal(sent.length, 5)
})

test('who cannot be written down is not let in, and may come again', async () => {
  const { sent, waits, answers, turn } = world()
  answers.send(3, { kind: 'admit-provisioning', connection: 1, registrationId: 'r' })
  answers.send(3, close(1))
  await turn()
  waits[0]?.reject(new Error('disk-full'))
  await turn()
  assert.deepEqual(sent, [{ kind: 'refuse', connection: 1, code: 3, reason: 'its coming could not be written down' }])
})
