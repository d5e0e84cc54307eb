import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import type { PeerFacts } from '@holdfast/messaging'
import { allLines, HOST, type Stage, stage } from '../../testing/management-stage.ts'
import { manifestUploadRoutes } from './manifest-upload.ts'

const REMOTE: PeerFacts = {
  address: '10.0.0.7',
  port: 4711,
  transport: 'https',
  tlsVersion: 'TLSv1.3',
  tlsFingerprint: 'f',
}
const LOCAL: PeerFacts = { address: 'local', port: 0, transport: 'local', tlsVersion: '', tlsFingerprint: '' }

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const MANIFEST = `${JSON.stringify({ manifest: 'b', manufacturer: 'acme', entries: 0 })}\n`

function request(body: string, headers: Readonly<Record<string, string>>, query = '?manufacturer=acme'): Request {
  return new Request(`https://${HOST}/api/v1/manifests${query}`, { method: 'POST', body, headers })
}

async function opened(): Promise<{ on: Stage; send(given: Request, peer?: PeerFacts): Promise<Response> }> {
  const on = await stage()
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  await on.services.supply.manufacturers.add('acme', pem, 'operator/local')
  const app = manifestUploadRoutes(on.services)
  return { on, send: async (given, peer = LOCAL) => app.fetch(given, { peer }) }
}

const signature = (text: string): string => sign('sha256', Buffer.from(text), privateKey).toString('base64')

test('a manifest is refused without a token, with a policy that may only read, and before its body is looked at', async () => {
  const { on, send } = await opened()
  const headers = { 'holdfast-signature': signature(MANIFEST) }
  assert.equal((await send(request(MANIFEST, headers), REMOTE)).status, 401)
  const reader = { ...headers, authorization: on.token('registryRead') }
  assert.equal((await send(request(MANIFEST, reader), REMOTE)).status, 403)
  const writer = { ...headers, authorization: on.token('registryReadWrite') }
  const answer = await send(request(MANIFEST, writer), REMOTE)
  assert.equal(answer.status, 200)
  const [end] = (await allLines(answer)).slice(-1)
  assert.ok(end !== undefined)
  assert.deepEqual((end.manifest as Record<string, unknown>).actor, 'policy/registryReadWrite')
})

test('a signature of a wrong form, none, and one over something else are told apart, and nothing is taken', async () => {
  const { on, send } = await opened()
  const codeOf = async (given: Request): Promise<unknown> =>
    ((await (await send(given)).json()) as { code: unknown }).code
  assert.equal(await codeOf(request(MANIFEST, {})), 'invalid-request')
  assert.equal(await codeOf(request(MANIFEST, { 'holdfast-signature': 'not base64' })), 'invalid-request')
  assert.equal(await codeOf(request(MANIFEST, { 'holdfast-signature': 'A'.repeat(4_000) })), 'invalid-request')
  assert.equal(await codeOf(request(MANIFEST, { 'holdfast-signature': signature('else') })), 'bad-signature')
  assert.equal(await codeOf(request(MANIFEST, { 'holdfast-signature': signature(MANIFEST) }, '')), 'invalid-request')
  const nobody = request(MANIFEST, { 'holdfast-signature': signature(MANIFEST) }, '?manufacturer=nobody')
  assert.equal(await codeOf(nobody), 'unknown-manufacturer')
  assert.deepEqual(await on.services.supply.store.listManifests({ after: '', limit: 10 }), [])
})

test('a file without a head is refused as a whole, with its signature good, and the next one is taken', async () => {
  const { send } = await opened()
  for (const text of ['', '{}\n', 'x\n', MANIFEST.replace('acme', 'other')]) {
    const answer = await send(request(text, { 'holdfast-signature': signature(text) }))
    assert.equal(((await answer.json()) as { code: unknown }).code, 'bad-manifest', text)
  }
  const headers = { 'holdfast-signature': signature(MANIFEST) }
  for (let again = 0; again < 3; again += 1) {
    assert.equal((await allLines(await send(request(MANIFEST, headers)))).length, 1)
  }
})

test('who goes away in the middle of the report leaves nothing behind that keeps others out', async () => {
  const { send } = await opened()
  const lines = Array.from({ length: 2_000 }, (_, n) => `{"serial":"s${n}"}`)
  const text = `${JSON.stringify({ manifest: 'b', manufacturer: 'acme', entries: lines.length })}\n${lines.join('\n')}\n`
  for (let again = 0; again < 4; again += 1) {
    const answer = await send(request(text, { 'holdfast-signature': signature(text) }))
    assert.equal(answer.status, 200)
    await answer.body?.cancel()
  }
  const whole = await allLines(await send(request(text, { 'holdfast-signature': signature(text) })))
  assert.equal(whole.length, lines.length + 1)
  assert.ok(whole.slice(0, -1).every(({ outcome }) => outcome === 'malformed'))
})
