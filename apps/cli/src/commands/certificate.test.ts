import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../run.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-certificates-'))
let reply: object = {}
let asked: { method: string; url: string; body: string }[] = []
const hub = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += String(chunk)))
  request.on('end', () => {
    asked.push({ method: request.method ?? '', url: request.url ?? '', body })
    response.end(JSON.stringify(reply))
  })
})
before(() => new Promise<void>((resolve) => hub.listen(join(folder, 'hub.sock'), resolve)))
after(() => {
  hub.closeAllConnections()
  hub.close()
  rmSync(folder, { recursive: true })
})

async function holdfast(line: string, answer: object = {}) {
  reply = answer
  asked = []
  let [out, err] = ['', '']
  const exit = await run(
    line.split(' '),
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
  return { exit, out, err, asked }
}

const CERTIFICATE = {
  serialNumber: '5A0C',
  sha256: 'AB',
  deviceId: 'pump-1',
  generationId: '1',
  profile: 'device',
  issuerSha256: 'CD',
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2026-04-01T00:00:00.000Z',
  renewalTime: '2026-03-01T00:00:00.000Z',
  issuedTime: '2026-01-01T00:00:00.000Z',
  state: 'current',
  stateTime: '2026-01-01T00:00:00.000Z',
}
const PROFILE = {
  name: 'device',
  keyKinds: ['P-256'],
  lifetimeSeconds: 7_776_000,
  graceSeconds: 0,
  overlapSeconds: 3_600,
  isServer: false,
  isOpen: true,
  mayReplaceKeys: true,
}

test('certificates of a device are listed and shown', async () => {
  const list = await holdfast('certificate list --device pump-1 --module m', { items: [CERTIFICATE] })
  assert.equal(list.asked[0]?.url, '/api/v1/certificates?device=pump-1&module=m')
  assert.match(list.out, /5A0C +current +device/)
  const show = await holdfast('certificate show 5A0C', { ...CERTIFICATE, certificate: '-----BEGIN\n' })
  assert.equal(show.asked[0]?.url, '/api/v1/certificates/5A0C')
  assert.match(show.out, /for {6}pump-1\n/)
  assert.equal((await holdfast('certificate list')).exit, 2)
})

test('revoke takes a serial number or a device, never both or none, and tells what was closed', async () => {
  const answer = { revoked: ['5A0C'], sessionsClosed: 1, milliseconds: 2 }
  const one = await holdfast('certificate revoke 5A0C', answer)
  assert.deepEqual(one.asked, [
    { method: 'POST', url: '/api/v1/certificates/5A0C/revoke', body: '{"reason":"unspecified"}' },
  ])
  assert.match(one.out, /1 certificate is revoked; 1 session was closed in 2 ms/)
  const all = await holdfast('certificate revoke --device pump-1 --reason keyCompromise', answer)
  assert.equal(all.asked[0]?.url, '/api/v1/certificates/revoke')
  assert.deepEqual(JSON.parse(all.asked[0]?.body ?? ''), { deviceId: 'pump-1', reason: 'keyCompromise' })
  for (const line of ['certificate revoke', 'certificate revoke 5A0C --device d', 'certificate revoke 5A --reason x']) {
    const { exit, asked: requests } = await holdfast(line)
    assert.equal(exit, 2, line)
    assert.equal(requests.length, 0)
  }
})

test('a profile is set by what is named, with times as people write them', async () => {
  const set = await holdfast(
    'certificate profile set device --keys p-256,RSA --lifetime 30d --grace 12h --no-open --server --domain plant.example',
    PROFILE,
  )
  assert.equal(set.exit, 0, set.err)
  assert.deepEqual(JSON.parse(set.asked[0]?.body ?? ''), {
    keyKinds: ['P-256', 'rsa'],
    lifetimeSeconds: 2_592_000,
    graceSeconds: 43_200,
    isServer: true,
    domain: 'plant.example',
    isOpen: false,
  })
  const nothing = await holdfast('certificate profile set device --overlap 5m', PROFILE)
  assert.deepEqual(JSON.parse(nothing.asked[0]?.body ?? ''), { overlapSeconds: 300 })
  assert.equal((await holdfast('certificate profile set device --keys dsa')).exit, 2)
})

test('a profile is chosen for a device, or the choice taken away', async () => {
  const chosen = await holdfast('certificate profile choose gateway --device gw-7', { profile: 'gateway' })
  assert.equal(chosen.asked[0]?.url, '/api/v1/devices/gw-7/certificate-profile')
  assert.equal(chosen.asked[0]?.body, '{"profile":"gateway"}')
  const none = await holdfast('certificate profile choose --none --device gw-7 --module m', { profile: 'device' })
  assert.equal(none.asked[0]?.url, '/api/v1/devices/gw-7/modules/m/certificate-profile')
  assert.equal(none.asked[0]?.body, '{"profile":""}')
  assert.equal((await holdfast('certificate profile choose --device gw-7')).exit, 2)
})
