import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../run.ts'

interface Asked {
  readonly url: string
  readonly body: Record<string, unknown>
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-query-'))
const asked: Asked[] = []
let answer: (request: Asked) => { readonly status?: number; readonly body: object } = () => ({ body: { items: [] } })
let hub: Server

before(async () => {
  hub = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const one = { url: request.url ?? '', body: JSON.parse(body) as Record<string, unknown> }
      asked.push(one)
      const { status = 200, body: answered } = answer(one)
      response.writeHead(status)
      response.end(JSON.stringify(answered))
    })
  })
  await new Promise<void>((resolve) => hub.listen(join(folder, 'hub.sock'), resolve))
})

after(() => {
  hub.closeAllConnections()
  hub.close()
  rmSync(folder, { recursive: true })
})

async function query(...line: readonly string[]): Promise<{ exit: number; out: string; err: string }> {
  asked.length = 0
  let out = ''
  let err = ''
  const exit = await run(
    ['query', ...line],
    {
      stdout: { write: (text) => ((out += text), true), once: () => undefined },
      stderr: { write: (text) => ((err += text), true), once: () => undefined },
      environment: { HOLDFAST_DATA: folder },
      now: () => 0,
      interrupted: new AbortController().signal,
      confirm: () => Promise.resolve(undefined),
      askSecret: () => Promise.resolve(undefined),
    },
    '1.2.3',
  )
  return { exit, out, err }
}

const SITES = "SELECT deviceId, tags.site AS site FROM devices WHERE tags.site != 'x'"

test('pages follow their continuations, also over an empty one, with one object a line', async () => {
  answer = ({ body }) => {
    if (body.continuation === undefined) return { body: { items: [{ deviceId: 'a', site: 1 }], continuation: 'c1' } }
    if (body.continuation === 'c1') return { body: { items: [], continuation: 'c2' } }
    return { body: { items: [{ deviceId: 'b' }] } }
  }
  const { exit, out } = await query(SITES, '--json')
  assert.equal(exit, 0)
  assert.equal(out, '{"deviceId":"a","site":1}\n{"deviceId":"b"}\n')
  assert.deepEqual(
    asked.map(({ url, body }) => [url, body]),
    [
      ['/api/v1/query', { query: SITES, limit: 100 }],
      ['/api/v1/query', { query: SITES, limit: 100, continuation: 'c1' }],
      ['/api/v1/query', { query: SITES, limit: 100, continuation: 'c2' }],
    ],
  )
})

test('people get a table of what was selected, and of whole twins what tells them apart', async () => {
  answer = () => ({ body: { items: [{ deviceId: 'a', place: { floor: 1 } }, { deviceId: 'device-b' }] } })
  assert.equal((await query(SITES)).out, 'deviceId  place\na         {"floor":1}\ndevice-b  -\n')
  const twin = { deviceId: 'a', deviceEtag: 'e', status: 'enabled', tags: {}, properties: {}, version: 3 }
  answer = () => ({ body: { items: [twin] } })
  assert.equal((await query('SELECT * FROM devices')).out, 'deviceId  status   tags\na         enabled  {}\n')
})

test('a limit holds over pages, and a hub that goes in circles does not hold the command', async () => {
  answer = ({ body }) => ({ body: { items: [{ n: 1 }, { n: 2 }], continuation: `${String(body.continuation)}+` } })
  const { out } = await query(SITES, '--limit', '3', '--json')
  assert.equal(out.trim().split('\n').length, 3)
  assert.deepEqual(
    asked.map(({ body }) => body.limit),
    [3, 1],
  )
  answer = () => ({ body: { items: [{ n: 1 }], continuation: 'same' } })
  assert.equal((await query(SITES, '--json')).out.trim().split('\n').length, 2)
})

test('nothing is told to people and not to programs', async () => {
  answer = () => ({ body: { items: [] } })
  assert.match((await query(SITES)).out, /^nothing meets this/)
  assert.equal((await query(SITES, '--json')).out, '')
})

test('a wrong query is one line that says where and what was expected', async () => {
  answer = () => ({
    status: 400,
    body: { title: 'the query is wrong at line 1, column 8', detail: "found 'x', expected FROM", code: 'bad-query' },
  })
  const { exit, err } = await query('SELECT x')
  assert.equal(exit, 1)
  assert.equal(err, "holdfast: the query is wrong at line 1, column 8: found 'x', expected FROM\n")
  assert.equal((await query()).exit, 2)
})
