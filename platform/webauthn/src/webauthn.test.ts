import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { type Attestation, type Lies, SoftwareAuthenticator } from './testing/index.ts'
import { WebAuthn } from './webauthn.ts'

const skip = requireTool('openssl')
const ORIGIN = 'https://hub.example:8443'
const webAuthn = new WebAuthn({ relyingPartyId: 'hub.example', relyingPartyName: 'Holdfast', origins: [ORIGIN] })
const CHALLENGE = Buffer.alloc(32, 7).toString('base64url')
const truth = { origin: ORIGIN, relyingPartyId: 'hub.example' }

const LIES: Readonly<Record<string, readonly [Lies, string]>> = {
  'of another origin': [{ origin: 'https://evil.example' }, 'wrong-origin'],
  'of another port of the host': [{ origin: 'https://hub.example' }, 'wrong-origin'],
  'of an origin that begins alike': [{ origin: `${ORIGIN}.evil.example` }, 'wrong-origin'],
  'of a frame in a page of another origin': [{ crossOrigin: true, topOrigin: 'https://evil.example' }, 'wrong-origin'],
  'of a frame that says not in which page': [{ crossOrigin: true }, 'wrong-origin'],
  'of another challenge': [{ challenge: Buffer.alloc(32, 8).toString('base64url') }, 'wrong-challenge'],
  'of another relying party': [{ relyingPartyId: 'evil.example' }, 'wrong-relying-party'],
  'without the user verified': [{ verified: false }, 'user-not-verified'],
  'without the user present': [{ present: false }, 'malformed'],
  'of another ceremony': [{ type: 'payment.get' }, 'malformed'],
}

async function enrolled() {
  const authenticator = new SoftwareAuthenticator(truth)
  const registered = await webAuthn.register(authenticator.register(CHALLENGE), CHALLENGE, [])
  assert.ok(registered.kind === 'good', JSON.stringify(registered))
  return { authenticator, passkey: registered }
}

test('a passkey is enrolled, and used', async () => {
  const { authenticator, passkey } = await enrolled()
  assert.equal(passkey.id, authenticator.id.toString('base64url'))
  assert.equal(passkey.isBackupEligible, false)
  assert.deepEqual(passkey.transports, ['internal'], 'what is no transport is left out')
  assert.deepEqual(await webAuthn.verify(authenticator.use(CHALLENGE, { counter: 5 }), CHALLENGE, passkey), {
    kind: 'good',
    counter: 5,
    isBackupEligible: false,
  })
})

for (const [what, [lies, fault]] of Object.entries(LIES)) {
  test(`an answer ${what} is refused, at enrolment and at use`, async () => {
    const { authenticator, passkey } = await enrolled()
    const registered = await webAuthn.register(authenticator.register(CHALLENGE, lies), CHALLENGE, [])
    assert.deepEqual(registered, { kind: 'bad', fault })
    const used = await webAuthn.verify(authenticator.use(CHALLENGE, lies), CHALLENGE, passkey)
    assert.deepEqual(used, { kind: 'bad', fault })
  })
}

test('a signature of another key is refused, whatever counter it bears', async () => {
  const { authenticator, passkey } = await enrolled()
  const forged = authenticator.use(CHALLENGE, { forged: true, counter: 0 })
  assert.deepEqual(await webAuthn.verify(forged, CHALLENGE, passkey), { kind: 'bad', fault: 'wrong-signature' })
})

test('where the policy names roots, an authenticator proves its model by a chain to one of them', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-attestation-'))
  try {
    const maker = certificates(folder, 'maker')
    const other = certificates(folder, 'other')
    const authenticator = new SoftwareAuthenticator(truth)
    const aaguid = Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex'))
    const attested = authenticator.register(CHALLENGE, { aaguid }, maker)
    const good = await webAuthn.register(attested, CHALLENGE, [other.root, maker.root])
    assert.ok(good.kind === 'good', JSON.stringify(good))
    assert.deepEqual([good.isAttested, good.aaguid], [true, '00112233-4455-6677-8899-aabbccddeeff'])
    const refused = { kind: 'bad', fault: 'attestation-refused' }
    assert.deepEqual(await webAuthn.register(attested, CHALLENGE, [other.root]), refused)
    assert.deepEqual(await webAuthn.register(authenticator.register(CHALLENGE), CHALLENGE, [maker.root]), refused)
    // The chain of one maker, the signature of another.
    const mixed = authenticator.register(CHALLENGE, { aaguid }, { key: other.key, chain: maker.chain })
    assert.equal((await webAuthn.register(mixed, CHALLENGE, [maker.root])).kind, 'bad')
    assert.equal(webAuthn.faultOfRoot(maker.root), undefined)
    assert.match(webAuthn.faultOfRoot(maker.leaf) ?? '', /authority/)
    assert.match(webAuthn.faultOfRoot('rubbish') ?? '', /PEM/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** A maker's root and the certificate of its authenticators (WebAuthn §8.2.1), by OpenSSL. */
function certificates(folder: string, name: string): Attestation & { readonly root: string; readonly leaf: string } {
  const file = (kind: string): string => join(folder, `${name}-${kind}`)
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...ec, '-keyout', file('root.key'), '-out', file('root.pem'), '-subj', `/CN=${name}`)
  const subject = `/C=SE/O=${name}/OU=Authenticator Attestation/CN=One`
  openssl('req', ...ec, '-keyout', file('leaf.key'), '-out', file('leaf.csr'), '-subj', subject)
  writeFileSync(file('leaf.cnf'), 'basicConstraints=critical,CA:FALSE\n')
  const signed = ['-CA', file('root.pem'), '-CAkey', file('root.key'), '-CAcreateserial', '-extfile', file('leaf.cnf')]
  openssl('x509', '-req', '-in', file('leaf.csr'), ...signed, '-out', file('leaf.pem'), '-days', '2')
  const [root, leaf] = [readFileSync(file('root.pem'), 'utf8'), readFileSync(file('leaf.pem'), 'utf8')]
  const key = createPrivateKey(readFileSync(file('leaf.key')))
  return { root, leaf, key, chain: [new X509Certificate(leaf).raw] }
}

test('a key that can be copied is told as such', async () => {
  const authenticator = new SoftwareAuthenticator(truth)
  const answer = authenticator.register(CHALLENGE, { backupEligible: true })
  const registered = await webAuthn.register(answer, CHALLENGE, [])
  assert.equal(registered.kind === 'good' && registered.isBackupEligible, true)
})

test('whatever else comes is refused and breaks nothing', async () => {
  const { authenticator, passkey } = await enrolled()
  const good = authenticator.use(CHALLENGE)
  const made = authenticator.register(CHALLENGE)
  for (const rubbish of ['', 'AA', '!', 'e30', Buffer.from('null').toString('base64url'), 'A'.repeat(1_000)]) {
    for (const member of ['clientDataJSON', 'authenticatorData', 'signature'] as const) {
      const answer = { ...good, response: { ...good.response, [member]: rubbish } }
      assert.equal((await webAuthn.verify(answer, CHALLENGE, passkey)).kind, 'bad', `${member} ${rubbish}`)
    }
    for (const member of ['clientDataJSON', 'attestationObject'] as const) {
      const answer = { ...made, response: { ...made.response, [member]: rubbish } }
      assert.equal((await webAuthn.register(answer, CHALLENGE, [])).kind, 'bad', `${member} ${rubbish}`)
    }
  }
})

test('a use of which one byte was changed opens nothing, whichever it is', async () => {
  const { authenticator, passkey } = await enrolled()
  const good = authenticator.use(CHALLENGE, { counter: 9 })
  for (const member of ['clientDataJSON', 'authenticatorData', 'signature'] as const) {
    const bytes = Buffer.from(good.response[member], 'base64url')
    // The signature's two numbers: the library reads what frames them (DER) in more than one form.
    const framing = member === 'signature' ? [0, 1, 2, 3, 4 + (bytes[3] ?? 0), 5 + (bytes[3] ?? 0)] : []
    for (let at = 0; at < bytes.length; at += 1) {
      if (framing.includes(at)) continue
      for (const flip of [1, 0x80]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ flip
        const answer = { ...good, response: { ...good.response, [member]: changed.toString('base64url') } }
        assert.equal((await webAuthn.verify(answer, CHALLENGE, passkey)).kind, 'bad', `${member} ${at}`)
      }
      const cut = { ...good, response: { ...good.response, [member]: bytes.subarray(0, at).toString('base64url') } }
      assert.equal((await webAuthn.verify(cut, CHALLENGE, passkey)).kind, 'bad', `${member} cut at ${at}`)
    }
  }
})

test('an enrolment that was changed or cut anywhere is refused, or is one of another key, and breaks nothing', async () => {
  const made = new SoftwareAuthenticator(truth).register(CHALLENGE)
  const bytes = Buffer.from(made.response.attestationObject, 'base64url')
  for (let at = 0; at < bytes.length; at += 1) {
    const tried = [bytes.subarray(0, at), Buffer.concat([bytes, bytes.subarray(0, at + 1)])]
    for (const byte of [0, 0x1f, 0x5f, 0x7f, 0x9f, 0xbf, 0xff]) {
      const changed = Buffer.from(bytes)
      changed[at] = byte
      tried.push(changed)
    }
    for (const object of tried) {
      const response = { ...made.response, attestationObject: object.toString('base64url') }
      const outcome = await webAuthn.register({ ...made, response }, CHALLENGE, [])
      if (outcome.kind === 'bad') continue
      // Without attestation nobody vouches for id and key; what is taken is whole, and of a form that can be used.
      assert.ok(outcome.publicKey.length > 0 && outcome.id.length > 0, `at ${at}`)
    }
  }
})
