import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from './backoff.ts'
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN } from './limits.ts'
import { Machine } from './machine-room.ts'

test('readings stay plausible, and every state is seen, whatever chance says', () => {
  let seed = 42
  const chance = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed / 2_147_483_648
  }
  const machine = new Machine(chance)
  const states = new Set<string>()
  for (let n = 0; n < 5_000; n += 1) {
    const { temperature, pressure, state } = machine.read()
    states.add(state)
    assert.ok(temperature > 10 && temperature < 100, `${temperature}`)
    assert.ok(pressure >= 0 && pressure < 10, `${pressure}`)
  }
  assert.deepEqual([...states].sort(), ['alarm', 'idle', 'running'])
})

test('backoff grows, stays in its bounds, and is spread by chance', () => {
  assert.equal(backoffMs(1, 0), BACKOFF_MS_MIN)
  assert.ok(backoffMs(3, 1) > backoffMs(2, 1))
  for (const attempt of [1, 5, 100, 1e9]) {
    assert.ok(backoffMs(attempt, 1) <= BACKOFF_MS_MAX)
    assert.ok(backoffMs(attempt, 0) >= BACKOFF_MS_MIN)
  }
})
