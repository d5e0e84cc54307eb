import assert from 'node:assert/strict'
import { createPublicKey, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { KeyError } from '@holdfast/keys'
import { testEnvironment } from '@holdfast/keys/testing'
import { tokenAuthorityKeys, TokenProcess } from './index.ts'
import { LineReader, parseReply, parseRequest } from './messages.ts'
import { MESSAGE_BYTES_MAX } from './limits.ts'
import { requireSoftHsm, SoftHsm } from './testing/index.ts'

const skip = requireSoftHsm()
let hsm: SoftHsm
before(() => {
  if (skip === false) hsm = SoftHsm.make()
})
after(() => {
  if (skip === false) hsm.remove()
})

let now = 1_000
function start(pins: { asked: number } = { asked: 0 }): TokenProcess {
  const pin = async (): Promise<Uint8Array> => {
    pins.asked += 1
    return Buffer.from(hsm.pin)
  }
  return new TokenProcess({ module: hsm.module, token: hsm.token, pin, now: () => now })
}

test('a key of an authority is made in the token, signs there, and is found again by its handle', {
  skip,
}, async () => {
  const process = start()
  const { random } = testEnvironment()
  const keys = tokenAuthorityKeys({ process, random, token: hsm.token, label: 'holdfast' })
  const { handle, signer } = await keys.generate('issuing 1')
  assert.match(handle, /^pkcs11:[0-9a-f]{32}$/)
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: 'der', type: 'spki' })
  assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  // r and s with and without a leading bit come up in some dozens.
  for (let index = 0; index < 40; index += 1) {
    const text = Buffer.from(`to be signed ${index}`)
    assert.ok(verify('sha256', text, key, await signer.sign(text)), 'OpenSSL verifies it')
  }
  const again = await keys.open(handle, 'issuing 1')
  assert.deepEqual(again.publicKey, signer.publicKey)
  const text = await hsm.tool('--list-objects', '--type', 'privkey')
  assert.match(text, /label: +holdfast issuing 1/)
  assert.match(text, /EC[^\n]*\n(?:.*\n)*? +Access: +sensitive, always sensitive, never extract(?:i)?able, local/)
  await keys.destroy(handle, 'issuing 1')
  await keys.destroy(handle, 'issuing 1')
  await assert.rejects(keys.open(handle, 'issuing 1'), (error) => error instanceof KeyError && error.code === 'missing')
  await assert.rejects(keys.open('pkcs11:../..', ''), KeyError)
  assert.doesNotMatch(await hsm.tool('--list-objects', '--type', 'privkey'), /issuing 1/)
  await process.close()
})

test('openssl accepts what the token signed for a certificate', { skip }, async () => {
  // The form of the signature is what matters here: X509Certificate parses and verifies DER as openssl does.
  const process = start()
  const keys = tokenAuthorityKeys({ process, random: testEnvironment().random, token: hsm.token, label: 'holdfast' })
  const { issueCertificate, ROOT_AUTHORITY, validityOf } = await import('@holdfast/pki')
  const { handle, signer } = await keys.generate('root')
  const der = await issueCertificate({
    profile: ROOT_AUTHORITY,
    subject: { commonName: 'Root in a token' },
    spki: signer.publicKey,
    issuer: undefined,
    signer,
    serialNumber: testEnvironment().random(16),
    validity: validityOf(ROOT_AUTHORITY, testEnvironment().clock.wall(), undefined),
  })
  const certificate = new X509Certificate(der)
  assert.ok(certificate.verify(certificate.publicKey))
  await keys.destroy(handle, 'root')
  await process.close()
})

test('when the process of the token dies, whoever waits is told, and after a pause another serves', {
  skip,
}, async () => {
  const pins = { asked: 0 }
  const token = start(pins)
  await token.request({ op: 'list-wrapping-keys', prefix: '00' })
  const first = await token.processId()
  assert.ok(first !== undefined)
  process.kill(first, 'SIGSEGV')
  await assert.rejects(
    token.request({ op: 'list-wrapping-keys', prefix: '00' }),
    (error) => error instanceof KeyError && error.code === 'unavailable' && /SIGSEGV|gone|failed/.test(error.message),
  )
  while ((await token.processId()) !== undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  await assert.rejects(
    token.request({ op: 'list-wrapping-keys', prefix: '00' }),
    (error) => error instanceof KeyError && /next starts in 1 s/.test(error.message),
  )
  now += 300
  await token.request({ op: 'list-wrapping-keys', prefix: '00' })
  assert.notEqual(await token.processId(), first)
  assert.equal(pins.asked, 1, 'the PIN is not asked for again')
  await token.close()
})

test('the PIN is in neither arguments nor environment of the process, and nothing of the hub is', {
  skip,
}, async () => {
  process.env.HOLDFAST_TOKEN = 'canary-of-the-hub'
  const token = start()
  await token.request({ op: 'list-wrapping-keys', prefix: '00' })
  const id = await token.processId()
  const seen = readFileSync(`/proc/${id}/cmdline`, 'utf8') + readFileSync(`/proc/${id}/environ`, 'utf8')
  assert.ok(!seen.includes(hsm.pin))
  assert.ok(!seen.includes('canary-of-the-hub'))
  delete process.env.HOLDFAST_TOKEN
  await token.close()
  await assert.rejects(token.request({ op: 'destroy', id: '00' }), /let go of/)
})

test('lines come whole, however they are cut, and one that never ends is refused', () => {
  const lines: string[] = []
  const reader = new LineReader((line) => lines.push(line))
  for (const byte of Buffer.from('{"a":1}\n\nü\nrest')) assert.ok(reader.push(Uint8Array.of(byte)))
  assert.deepEqual(lines, ['{"a":1}', '', 'ü'])
  assert.equal(reader.push(Buffer.alloc(MESSAGE_BYTES_MAX + 1, 65)), false)
})

test('what is no reply and no request is not taken for one', () => {
  for (const line of ['', 'null', '[]', '{}', '{"id":"1"}', '{"id":1}', '{"id":1,"fault":"worse","message":"x"}']) {
    assert.equal(parseReply(line), undefined, line)
    assert.equal(parseRequest(line), undefined, line)
  }
  for (const line of [
    '{"id":1,"answer":{"data":1}}',
    '{"id":1,"answer":{"ids":[1]}}',
    '{"id":1,"answer":{"algorithm":"x"}}',
  ]) {
    assert.equal(parseReply(line), undefined, line)
  }
  for (const request of ['{"op":"exec"}', '{"op":"sign"}', '{"op":"sign","id":"00","data":1}', '{"op":"__proto__"}']) {
    assert.equal(parseRequest(`{"id":1,"request":${request}}`), undefined, request)
  }
  assert.deepEqual(parseReply('{"id":1,"answer":{"data":"AA==","more":1}}'), { id: 1, answer: { data: 'AA==' } })
})
