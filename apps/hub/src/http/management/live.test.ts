import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { AuditEntry, AuditQuery } from '@holdfast/store'
import { LOCAL, stage } from '../../testing/management-stage.ts'
import type { ManagementServices } from './services.ts'

interface Got {
  readonly id: string | undefined
  readonly data: Record<string, unknown>
}

/** Server-sent events as WHATWG HTML §9.2.6 reads them; comments and `retry` are passed over. */
async function* eventsOf(response: Response): AsyncGenerator<Got> {
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + Buffer.from(chunk).toString('utf8')).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => [line.split(':')[0], line.replace(/^[^:]*: ?/, '')]))
      const data = fields.get('data')
      if (data !== undefined) yield { id: fields.get('id'), data: JSON.parse(data) as Record<string, unknown> }
    }
  }
}

const entry = (index: number): AuditEntry => ({
  index,
  type: 'hub.started',
  version: 1,
  time: timestampOf(index),
  content: index === 2 ? { kind: 'shredded' } : { kind: 'body', subject: `s/${index}`, actor: 'hub', detail: {} },
})

async function stageOfLog(size: number) {
  const asked: AuditQuery[] = []
  const list = async (query: AuditQuery) => {
    asked.push(query)
    const begin = (query.after ?? -1) + 1
    const entries = Array.from({ length: Math.max(size - begin, 0) }, (_, at) => entry(begin + at)).slice(0, 2)
    const last = entries.at(-1)
    return { entries, ...(last !== undefined && last.index + 1 < size && { next: last.index }) }
  }
  // Of the log, what follows needs its pages alone.
  const hub = await stage({ audit: { list } as unknown as NonNullable<ManagementServices['audit']> })
  const ask = (path: string, headers: Record<string, string> = {}) =>
    hub.send(hub.request('GET', path, undefined, { accept: 'text/event-stream', ...headers }), LOCAL)
  return { asked, hub, ask }
}

test('who comes back gets all that came since, then what comes, each once and with its id', async () => {
  const { hub, ask } = await stageOfLog(6)
  const response = await ask('/events?follow=true', { 'last-event-id': '0' })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const events = eventsOf(response)
  const got: Got[] = []
  for (let n = 0; n < 5; n += 1) got.push((await events.next()).value as Got)
  assert.deepEqual(
    got.map(({ id, data }) => [id, data['subject'], data['content']]),
    [
      ['1', 's/1', undefined],
      ['2', '', 'shredded'],
      ['3', 's/3', undefined],
      ['4', 's/4', undefined],
      ['5', 's/5', undefined],
    ],
  )
  const next = events.next()
  while (hub.listeners.size === 0) await new Promise((resolve) => setImmediate(resolve))
  const told = { type: 'hub.started', at: timestampOf(9), subject: 'hub', actor: 'hub', detail: {} } as const
  // The log may tell of what was read from it already.
  for (const index of [5, 6]) for (const listener of hub.listeners) listener({ ...told, index } as typeof told)
  assert.equal(((await next).value as Got).id, '6')
  await events.return(undefined)
  assert.equal(hub.listeners.size, 0)
})

test('without an id the newest come first, and without Accept they come a line each', async () => {
  const { asked, hub, ask } = await stageOfLog(6)
  await hub.local('POST', '/devices', { deviceId: 'a' })
  const events: Got[] = []
  for await (const one of eventsOf(await ask('/events?limit=1'))) events.push(one)
  assert.deepEqual(
    events.map(({ data }) => data['type']),
    ['identity.created'],
  )
  const lines = await hub.stream('/events?limit=1')
  assert.equal(lines.headers.get('content-type'), 'application/x-ndjson')
  assert.equal((JSON.parse(await lines.text()) as { type: string }).type, 'identity.created')
  assert.equal(asked.length, 0)
})

test('what was never an id is refused', async () => {
  const { ask } = await stageOfLog(6)
  for (const id of ['x', '-1', '01', '1.5', '9'.repeat(16)]) {
    assert.equal((await ask('/events', { 'last-event-id': id })).status, 400, id)
  }
})

test('the status is shown at once, and again when it changes', async () => {
  const { hub } = await stageOfLog(0)
  const response = await hub.send(
    hub.request('GET', '/status/live', undefined, { accept: 'application/json;q=0.5, text/event-stream' }),
    LOCAL,
  )
  const events = eventsOf(response)
  const first = (await events.next()).value as Got
  assert.equal(first.data['hostname'], 'hub.example')
  await events.return(undefined)
})
