import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Api } from '@holdfast/api'
import { parseSasToken, verifySasToken } from '@holdfast/tokens'
import { run } from './run.ts'
import type { Totals } from './simulate.ts'
import { type Door, openDoor } from './testing/door.ts'

/** A data folder whose hub keeps devices' keys and names `door` as its MQTT port. */
async function openHub(
  t: TestContext,
): Promise<{ data: string; door: Door; keys: Map<string, string>; posts: string[] }> {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-fleet-'))
  const keys = new Map<string, string>()
  const posts: string[] = []
  const door = await openDoor({
    onConnect: ({ clientId, password }) => {
      const key = keys.get(clientId)
      return key !== undefined && verifySasToken(parseSasToken(Buffer.from(password ?? []).toString()), key) ? 0 : 5
    },
    onPublish: () => true,
  })
  const caFile = join(data, 'root.pem')
  writeFileSync(caFile, door.server.authority)
  const api = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const [, id = ''] = /^\/api\/v1\/devices\/([^/]+)\/connection-string$/.exec(request.url ?? '') ?? []
      if (request.method === 'POST') {
        const device = JSON.parse(body) as Api.DeviceCreate
        posts.push(device.deviceId)
        response.statusCode = keys.has(device.deviceId) ? 409 : 201
        if (!keys.has(device.deviceId)) keys.set(device.deviceId, device.primaryKey ?? '')
        response.end('{}')
      } else if (id !== '') {
        const connectionString = `HostName=hub.test;DeviceId=${id};SharedAccessKey=${keys.get(id) ?? ''}`
        response.end(JSON.stringify({ connectionString }))
      } else {
        response.end(JSON.stringify({ hostname: 'hub.test', caFile, ports: { mqtt: door.server.port } }))
      }
    })
  })
  await new Promise<void>((resolve) => api.listen(join(data, 'hub.sock'), resolve))
  t.after(async () => {
    api.closeAllConnections()
    api.close()
    await door.close()
    rmSync(data, { recursive: true })
  })
  return { data, door, keys, posts }
}

async function fleet(args: readonly string[]): Promise<{ exit: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const exit = await run(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    interrupted: new AbortController().signal,
  })
  return { exit, out, err }
}

test('a simulation makes its devices once, sends at its rate, and has everything acknowledged', async (t) => {
  const { data, keys } = await openHub(t)
  const line = ['simulate', '--devices', '5', '--rate', '200', '--seconds', '0.5', '--json', '--data', data]
  const first = await fleet(line)
  assert.equal(first.err, '')
  assert.equal(first.exit, 0)
  const totals = JSON.parse(first.out) as Totals
  assert.equal(totals.connected, 5)
  assert.ok(totals.sent > 60 && totals.sent <= 110, `${totals.sent}`)
  assert.equal(totals.acknowledged, totals.sent)
  assert.ok(totals.latencyMs.p50 > 0 && totals.latencyMs.p50 <= totals.latencyMs.p99)
  const before = new Map(keys)
  // The same devices with the keys they have, not new ones.
  assert.equal((await fleet(line)).exit, 0)
  assert.deepEqual(keys, before)
  assert.deepEqual([...keys.keys()].sort(), ['sim-00001', 'sim-00002', 'sim-00003', 'sim-00004', 'sim-00005'])
})

test('a simulation whose messages are not acknowledged says so, and exits 1', async (t) => {
  const { data, door } = await openHub(t)
  door.rules = { onConnect: () => 5, onPublish: () => true }
  const { exit, err } = await fleet(['simulate', '--devices', '2', '--seconds', '0.1', '--data', data])
  assert.equal(exit, 1)
  assert.match(err, /^holdfast: no device is connected \(2 refused, 0 lost\)[^\n]*\n$/)
})

test('without a hub, one line says how to start one; wrong use exits 2', async () => {
  const absent = await fleet(['simulate', '--data', join(tmpdir(), 'holdfast-absent')])
  assert.equal(absent.exit, 1)
  assert.match(absent.err, /^holdfast: no hub runs on [^\n]*holdfast up[^\n]*\n$/)
  for (const args of [
    ['simulate', '--devices', '0'],
    ['simulate', '--devices', '1.5'],
    ['simulate', '--rate', 'x'],
    ['frob'],
    [],
  ]) {
    const { exit, out } = await fleet(args)
    assert.equal(exit, 2, args.join(' '))
    assert.equal(out, '', args.join(' '))
  }
  assert.match((await fleet(['simulate', '--help'])).out, /Example:/)
})
