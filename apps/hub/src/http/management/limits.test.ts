import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import { OPERATIONS, type Operation, type OperationLimits, Throttle } from '@holdfast/throttling'
import { stage } from '../../testing/management-stage.ts'

test('whoever asks is told what is left, and when there is nothing left', async () => {
  const limits = { hub: { perSecond: 100, burst: 100 }, principal: { perSecond: 1, burst: 2 } }
  const all = Object.fromEntries(OPERATIONS.map((name) => [name, limits])) as Record<Operation, OperationLimits>
  const now = instantOf(0)
  const throttle = new Throttle(now, all)
  const hub = await stage({
    throttling: {
      take: (operation, principal, cost) => throttle.take(operation, principal, now, cost),
      standing: (operation, principal) => throttle.standing(operation, principal, now),
    },
  })
  const ask = () => hub.service('registryRead', 'GET', '/devices')
  const told = (headers: Headers) => ['ratelimit-policy', 'ratelimit', 'retry-after'].map((name) => headers.get(name))
  const policy = '"registry.read";q=2;w=2'
  assert.deepEqual(told((await ask()).headers), [policy, '"registry.read";r=1;t=1', null])
  assert.deepEqual(told((await ask()).headers), [policy, '"registry.read";r=0;t=2', null])
  const refused = await ask()
  assert.equal(refused.status, 429)
  assert.deepEqual(told(refused.headers), [policy, '"registry.read";r=0;t=2', '1'])
  assert.equal((await hub.local('GET', '/devices')).headers.get('ratelimit'), null, 'the machine itself has no limit')
})
