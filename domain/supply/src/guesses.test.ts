import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import { Guesses } from './guesses.ts'
import { ACTOR_GUESSES, ALL_GUESSES } from './limits.ts'

const NOW = instantOf(0)

test('right codes cost nobody anything, however many they are', () => {
  const guesses = new Guesses(NOW)
  for (let claim = 0; claim < 2 * ALL_GUESSES.burst; claim += 1) {
    assert.ok(guesses.take('operator', NOW), `claim ${claim}`)
    guesses.succeeded('operator')
  }
})

test('a right code between wrong ones buys no further guesses', () => {
  const guesses = new Guesses(NOW)
  let wrong = 0
  while (guesses.take('thief', NOW)) {
    wrong += 1
    assert.ok(wrong <= ACTOR_GUESSES.burst)
    if (guesses.take('thief', NOW)) guesses.succeeded('thief')
  }
  assert.equal(wrong, ACTOR_GUESSES.burst)
})
