import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { listenLocally } from './local-socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-socket-'))
after(() => rmSync(folder, { recursive: true }))

const here = (): Promise<{ readonly status: number; readonly headers: []; readonly body: undefined }> =>
  Promise.resolve({ status: 204, headers: [], body: undefined })

function ask(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/' }, (answer) => resolve(answer.resume().statusCode))
    asked.once('error', reject)
    asked.end()
  })
}

test('the socket is its owner’s alone, and gone when it is closed', async () => {
  const path = join(folder, 'hub.sock')
  const socket = await listenLocally(path, here)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(await ask(path), 204)
  await socket.close()
  assert.ok(!existsSync(path))
})

test('a path too long for a socket says where it lies instead; nothing of a hub that was killed is left there', async () => {
  const long = join(folder, 'long'.repeat(30))
  mkdirSync(long)
  const path = join(long, 'hub.sock')
  const killed = mkdtempSync(join(tmpdir(), 'holdfast-'))
  writeFileSync(join(killed, 'hub.sock'), '')
  writeFileSync(`${path}.path`, join(killed, 'hub.sock'))
  const socket = await listenLocally(path, here)
  assert.ok(!existsSync(killed))
  const elsewhere = readFileSync(`${path}.path`, 'utf8')
  assert.equal(statSync(dirname(elsewhere)).mode & 0o777, 0o700)
  assert.equal(await ask(elsewhere), 204)
  await socket.close()
  assert.ok(!existsSync(dirname(elsewhere)) && !existsSync(`${path}.path`))
})
