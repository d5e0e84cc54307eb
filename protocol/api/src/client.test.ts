import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answered, type ClientCall, createClient, NameError } from './client.ts'
import type { Device } from './devices.ts'
import type { Life } from './lives.ts'
import { OPERATIONS } from './operations.ts'
import type { Message } from './telemetry.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Holds if it compiles. */
function same<A, B>(_holds: Same<A, B>): void {}

function client(answer: (call: ClientCall<string>) => unknown = () => undefined) {
  const calls: ClientCall<string>[] = []
  const json = async (call: ClientCall<string>): Promise<Answered> => {
    calls.push(call)
    return { value: answer(call), etag: 'e1' }
  }
  return {
    calls,
    hub: createClient(OPERATIONS, {
      json,
      async *lines(call) {
        calls.push(call)
        yield { line: 1 }
      },
      bytes: async (call) => {
        calls.push(call)
        return 7
      },
    }),
  }
}

test('what is answered has the type that its schema says', () => {
  const { hub } = client()
  same<ReturnType<typeof hub.device.show>, Promise<Device>>(true)
  same<ReturnType<typeof hub.life.show>, Promise<Life>>(true)
  same<ReturnType<typeof hub.message.read>, AsyncGenerator<Message>>(true)
  same<ReturnType<typeof hub.file.content>, Promise<number>>(true)
  same<ReturnType<typeof hub.file.delete>, Promise<void>>(true)
  same<ReturnType<typeof hub.device.list.pages>, AsyncGenerator<readonly Device[]>>(true)
})

test('what is asked for wrongly does not compile', () => {
  const { hub } = client()
  const wrong: (() => unknown)[] = [
    // @ts-expect-error a path without its parameter
    () => hub.device.show({}),
    // @ts-expect-error no path at all
    () => hub.device.show(),
    // @ts-expect-error a parameter of another operation
    () => hub.device.show({ path: { id: 'a', module: 'b' } }),
    // @ts-expect-error no body
    () => hub.device.create({}),
    // @ts-expect-error a body of another form
    () => hub.device.create({ body: { name: 'a' } }),
    // @ts-expect-error a parameter that the query has not
    () => hub.device.list({ query: { state: 'a' } }),
    // @ts-expect-error what is no list has no pages
    () => hub.hub.status.pages(),
    // @ts-expect-error what has no versions has no tag
    () => hub.hub.status.versioned(),
    // @ts-expect-error there is no such operation
    () => hub.device.frobnicate(),
  ]
  assert.equal(wrong.length, 9)
})

test('names are encoded, so that none reaches another address', async () => {
  const { hub, calls } = client()
  await hub.device.show({ path: { id: '../policies?x#y' } })
  assert.equal(calls[0]?.target, '/api/v1/devices/..%2Fpolicies%3Fx%23y')
  for (const id of ['', '.', '..']) await assert.rejects(hub.device.show({ path: { id } }), NameError)
})

test('a call carries its query, body, tag and key', async () => {
  const { hub, calls } = client()
  const { etag } = await hub.device.create.versioned({ body: { deviceId: 'a' }, idempotencyKey: 'k' })
  await hub.device.change({ path: { id: 'a' }, body: { status: 'disabled' }, ifMatch: 'v', waitMs: 5 })
  await hub.policy.connectionString({ path: { name: 'service' }, query: { eventHub: true } })
  assert.equal(etag, 'e1')
  const seen = calls.map(({ operation, target, body, headers, waitMs }) => [
    operation.id,
    target,
    body,
    headers,
    waitMs,
  ])
  assert.deepEqual(seen, [
    ['device.create', '/api/v1/devices', { deviceId: 'a' }, { 'idempotency-key': 'k' }, 0],
    ['device.change', '/api/v1/devices/a', { status: 'disabled' }, { 'if-match': '"v"' }, 5],
    ['policy.connectionString', '/api/v1/policies/service/connection-string?eventHub=true', undefined, {}, 0],
  ])
})

test('pages are walked to the last, or to the limit, and not round in circles', async () => {
  const twoPages = client(({ target }) =>
    target.includes('after=p1') ? { items: [3] } : { items: [1, 2], next: 'p1' },
  )
  const walked: unknown[] = []
  for await (const items of twoPages.hub.device.list.pages()) walked.push(items)
  assert.deepEqual(walked, [[1, 2], [3]])
  assert.deepEqual(
    twoPages.calls.map(({ target }) => target),
    ['/api/v1/devices?limit=100', '/api/v1/devices?limit=100&after=p1'],
  )
  const limited = client(() => ({ items: [1, 2], next: 'p1' }))
  const found: unknown[] = []
  for await (const items of limited.hub.device.list.pages({}, 1)) found.push(...items)
  assert.deepEqual(found, [1])
  const circle = client(() => ({ items: [1], next: 'same' }))
  for await (const _items of circle.hub.device.list.pages());
  assert.equal(circle.calls.length, 2)
})

test('streams come line by line, or as they are', async () => {
  const { hub, calls } = client()
  for await (const line of hub.event.read({ query: { follow: true } })) assert.deepEqual(line, { line: 1 })
  assert.equal(await hub.event.read.bytes(), 7)
  assert.deepEqual(
    calls.map(({ target }) => target),
    ['/api/v1/events?follow=true', '/api/v1/events'],
  )
})
