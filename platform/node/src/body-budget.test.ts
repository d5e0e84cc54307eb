import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyBudget } from './body-budget.ts'

const MiB = 1_048_576

test('small bodies are free, whatever else is held', () => {
  const budget = new BodyBudget()
  for (let host = 0; host < 64; host += 1) {
    for (let body = 0; body < 8; body += 1) budget.open(`10.0.0.${host}`).grow(MiB)
  }
  assert.equal(budget.open('10.1.0.1').grow(16 * 1_024), true)
  assert.equal(budget.open('10.1.0.1').grow(MiB), false)
})

test('one address does not use up the room of others', () => {
  const budget = new BodyBudget()
  let bodies = 0
  while (budget.open('10.0.0.1').grow(MiB)) bodies += 1
  assert.equal(bodies, 8)
  assert.equal(budget.open('10.0.0.2').grow(MiB), true)
})

test('what a body held is free when it ends, once', () => {
  const budget = new BodyBudget()
  const share = budget.open('10.0.0.1')
  assert.equal(share.grow(100_000), true)
  assert.equal(share.grow(200_000), true)
  assert.equal(budget.heldBytes, 200_000 - 16 * 1_024)
  share.end()
  share.end()
  assert.equal(budget.heldBytes, 0)
})
