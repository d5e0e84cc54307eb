import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf, timestampOf } from '@holdfast/base'
import fc from 'fast-check'
import { PeekLockQueue } from './peek-lock-queue.ts'

const wall = timestampOf(0)
const now = instantOf(0)

function entry(sequence: number, expires = 1_000) {
  return { sequence, expires: timestampOf(expires), deliveryCount: 0 }
}

function queueOf(...sequences: readonly number[]): PeekLockQueue {
  const queue = new PeekLockQueue()
  for (const sequence of sequences) queue.add(entry(sequence))
  return queue
}

/** Takes everything that is ready; the sequences in their order. */
function takeAll(queue: PeekLockQueue, prefix = 't', until = instantOf(60)): readonly number[] {
  const taken: number[] = []
  for (;;) {
    const one = queue.take(`${prefix}${taken.length}`, { wall, until })
    if (one === undefined) return taken
    taken.push(one.sequence)
  }
}

test('messages are given in the order of their numbers, whatever the order in which they came', () => {
  const queue = queueOf(5, 2, 9, 3)
  assert.equal(queue.add(entry(3)), false, 'what is here already is not added')
  assert.deepEqual(takeAll(queue), [2, 3, 5, 9])
  assert.deepEqual([queue.size, queue.last], [4, 9])
})

test('what is locked is given to nobody else until its lock ends, and then at its old place', () => {
  const queue = queueOf(1, 2, 3)
  assert.equal(queue.take('a', { wall, until: instantOf(60) })?.sequence, 1)
  assert.equal(queue.take('b', { wall, until: instantOf(90) })?.sequence, 2)
  assert.equal(queue.deadline, 60)
  assert.equal(queue.unlockDue(instantOf(59)), false)
  assert.equal(queue.unlockDue(instantOf(60)), true)
  assert.deepEqual(takeAll(queue), [1, 3])
  assert.equal(queue.begin('a', instantOf(60)), undefined, 'its first holder has lost it')
})

test('a lock that has ended is lost, though nobody has looked at the clock', () => {
  const queue = queueOf(1)
  queue.take('a', { wall, until: instantOf(60) })
  assert.equal(queue.renew('a', instantOf(60), instantOf(120)), false)
  assert.equal(queue.begin('a', instantOf(60)), undefined)
  assert.equal(queue.begin('a', instantOf(59))?.sequence, 1)
})

test('a renewed lock lasts as long as it was renewed for', () => {
  const queue = queueOf(1)
  queue.take('a', { wall, until: instantOf(60) })
  assert.equal(queue.renew('a', instantOf(50), instantOf(110)), true)
  assert.equal(queue.unlockDue(instantOf(109)), false)
  assert.equal(queue.renew('b', now, instantOf(110)), false)
})

test('while it is settled, nothing else happens to a message', () => {
  const queue = queueOf(1)
  queue.take('a', { wall, until: instantOf(60) })
  assert.equal(queue.begin('a', now)?.sequence, 1)
  assert.equal(queue.begin('a', now), undefined, 'twice at once')
  assert.equal(queue.release('a'), false)
  assert.equal(queue.unlockDue(instantOf(1_000)), false)
  assert.equal(queue.claim(1), false)
  assert.equal(queue.take('b', { wall, until: instantOf(60) }), undefined)
  assert.equal(queue.isAtRest, false)
  queue.restore(1)
  assert.equal(queue.begin('a', now)?.sequence, 1, 'the write failed: its holder may try again')
  queue.free(1, 1)
  assert.deepEqual(queue.take('b', { wall, until: instantOf(60) }), { ...entry(1), deliveryCount: 1 })
  assert.equal(queue.remove(1), true)
  assert.deepEqual([queue.size, queue.isAtRest, queue.remove(1)], [0, true, false])
})

test('what has expired is not given; under a lock it is its holder’s until the lock ends', () => {
  const queue = new PeekLockQueue()
  queue.add(entry(1, 10))
  queue.add(entry(2, 20))
  assert.equal(queue.take('a', { wall: timestampOf(9), until: instantOf(60) })?.sequence, 1)
  assert.equal(queue.isReady(timestampOf(20)), false)
  assert.equal(queue.take('b', { wall: timestampOf(20), until: instantOf(60) }), undefined)
  assert.equal(queue.claim(1), false)
  assert.equal(queue.claim(2), true)
  assert.equal(queue.claim(2), false, 'it is being ended already')
  queue.restore(2)
  assert.equal(queue.claim(2), true)
  assert.equal(queue.claim(7), true, 'what is not here is nobody’s')
  queue.release('a')
  assert.equal(queue.dropExpired(timestampOf(20)), 1)
  assert.equal(queue.has(1), false)
})

test('a token that is used twice is a bug of the caller', () => {
  const queue = queueOf(1, 2)
  queue.take('a', { wall, until: instantOf(60) })
  assert.throws(() => queue.take('a', { wall, until: instantOf(60) }), TypeError)
})

type Step =
  | { readonly kind: 'add' | 'remove' | 'claim' | 'free' | 'restore'; readonly sequence: number }
  | { readonly kind: 'take' | 'begin' | 'release' | 'renew'; readonly token: number }
  | { readonly kind: 'time'; readonly by: number }

const sequences = fc.integer({ min: 1, max: 8 })
const tokens = fc.integer({ min: 0, max: 8 })
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add', 'remove', 'claim', 'free', 'restore'), sequence: sequences }),
  fc.record({ kind: fc.constantFrom('take', 'begin', 'release', 'renew'), token: tokens }),
  fc.record({ kind: fc.constant('time'), by: fc.integer({ min: 1, max: 40 }) }),
)

test('it does what a list that is searched from its beginning does', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), (moves) => {
      const queue = new PeekLockQueue()
      /** The slow way. */
      const model = new Map<number, { state: 'ready' | 'locked' | 'settling'; token: string; until: number }>()
      const names = new Map<number, string>()
      let time = 0
      let count = 0
      const locked = (token: string) =>
        [...model].find(([, one]) => one.token === token && one.state === 'locked' && one.until > time)
      const ready = { state: 'ready', token: '', until: Number.POSITIVE_INFINITY } as const
      for (const move of moves) {
        if (move.kind === 'time') {
          time += move.by
          const due = [...model].filter(([, one]) => one.state === 'locked' && one.until <= time)
          assert.equal(queue.unlockDue(instantOf(time)), due.length > 0)
          for (const [sequence] of due) model.set(sequence, { ...ready })
          continue
        }
        if ('token' in move) {
          const token = names.get(move.token) ?? 'unknown'
          if (move.kind === 'take') {
            const fresh = `t${(count += 1)}`
            const first = [...model].filter(([, one]) => one.state === 'ready').toSorted(([a], [b]) => a - b)[0]
            const until = time + 50
            assert.equal(queue.take(fresh, { wall, until: instantOf(until) })?.sequence, first?.[0])
            if (first === undefined) continue
            names.set(move.token, fresh)
            model.set(first[0], { state: 'locked', token: fresh, until })
          } else if (move.kind === 'begin') {
            const found = locked(token)
            assert.equal(queue.begin(token, instantOf(time))?.sequence, found?.[0])
            if (found !== undefined) found[1].state = 'settling'
          } else if (move.kind === 'renew') {
            const found = locked(token)
            assert.equal(queue.renew(token, instantOf(time), instantOf(time + 70)), found !== undefined)
            if (found !== undefined) found[1].until = time + 70
          } else {
            const found = [...model].find(([, one]) => one.token === token && one.state === 'locked')
            assert.equal(queue.release(token), found !== undefined)
            if (found !== undefined) model.set(found[0], { ...ready })
          }
          continue
        }
        const { sequence } = move
        const one = model.get(sequence)
        switch (move.kind) {
          case 'add':
            assert.equal(queue.add(entry(sequence)), one === undefined)
            if (one === undefined) model.set(sequence, { ...ready })
            break
          case 'remove':
            assert.equal(queue.remove(sequence), model.delete(sequence))
            break
          case 'claim':
            assert.equal(queue.claim(sequence), one === undefined || one.state === 'ready')
            if (one?.state === 'ready') one.state = 'settling'
            break
          case 'free':
            queue.free(sequence)
            if (one !== undefined) model.set(sequence, { ...ready })
            break
          case 'restore':
            queue.restore(sequence)
            if (one?.state === 'settling') one.state = one.token === '' ? 'ready' : 'locked'
        }
        assert.equal(queue.size, model.size)
        assert.equal(
          queue.isAtRest,
          [...model.values()].every(({ state }) => state === 'ready'),
        )
      }
    }),
    { numRuns: 500 },
  )
})
