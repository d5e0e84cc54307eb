import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import fc from 'fast-check'
import {
  EXPIRY_SKEW_MS,
  TokenError,
  deriveDeviceKey,
  formatSasToken,
  isExpired,
  isKey,
  parseSasToken,
  verifySasToken,
} from './index.ts'
import type { TokenErrorCode } from './index.ts'

/** 32 bytes that count up: a key that nobody uses. */
const KEY = Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64')
const OTHER_KEY = Buffer.alloc(32, 7).toString('base64')
const SIG = 'BhO8bj9ugqIbmB7WieVt1OJWLFWn38TqqYJKTEKTbSk%3D'

function refuses(text: string, code: TokenErrorCode): void {
  assert.throws(
    () => parseSasToken(text),
    (error) => error instanceof TokenError && error.code === code,
    text.slice(0, 120),
  )
}

/** Written by azure-iot-common 1.13 (Node) and by Python's urllib. */
const SDK_TOKENS = [
  {
    name: "Node device: lower-case hex for !'()*",
    text: `SharedAccessSignature sr=hub.example%2Fdevices%2Fit%27s%281%29%21%2a&sig=${SIG}&se=1900000000`,
    resource: "hub.example/devices/it's(1)!*",
  },
  {
    name: 'Node service: sr not encoded, skn before se',
    text: 'SharedAccessSignature sr=hub.example&sig=4yHUoDizEHleHwfc1RA2XVS8gerNXePFe3WttrzjkyI%3D&skn=iothubowner&se=1900000000',
    resource: 'hub.example',
    policyName: 'iothubowner',
  },
  {
    name: 'Node provisioning: slashes not encoded',
    text: 'SharedAccessSignature sr=0ne00012345/registrations/dev-1&sig=Y59n4LEBgpP8rXOL91Re3ArQyd7IQ3HjDd2A%2BToBS8s%3D&skn=registration&se=1900000000',
    resource: '0ne00012345/registrations/dev-1',
    policyName: 'registration',
  },
  {
    name: 'Python module: everything encoded in upper case',
    text: 'SharedAccessSignature sr=hub.example%2Fdevices%2Fa%3Ab%2Fmodules%2Fm%281%29&sig=p64nYgrJADADDOBd5gWwZwq6jDI6jhMCTdNYGQmjunk%3D&se=1900000000',
    resource: 'hub.example/devices/a:b/modules/m(1)',
  },
]

for (const { name, text, resource, policyName } of SDK_TOKENS) {
  test(`tokens of the SDKs verify over sr as received: ${name}`, () => {
    const token = parseSasToken(text)
    assert.equal(token.resource, resource)
    assert.equal(token.policyName, policyName)
    assert.equal(token.expires, 1_900_000_000_000)
    assert.equal(verifySasToken(token, KEY), true)
    assert.equal(verifySasToken(token, OTHER_KEY), false)
    const shuffled = `SharedAccessSignature ${text.slice(22).split('&').reverse().join('&')}`
    assert.equal(verifySasToken(parseSasToken(shuffled), KEY), true, 'any order of fields')
  })
}

test('a signature does not carry over to another resource, another expiry or another encoding of either', () => {
  const text = formatSasToken({ resource: 'hub.example/devices/a', key: KEY, expirySeconds: 1_900_000_000 })
  for (const changed of [
    text.replace('devices%2Fa', 'devices%2Fb'),
    text.replace('%2F', '%2f'),
    text.replace('1900000000', '1900000001'),
    text.replace('1900000000', '01900000000'),
    text.replace('1900000000', '1900000000.0'),
  ]) {
    assert.notEqual(changed, text)
    assert.equal(verifySasToken(parseSasToken(changed), KEY), false, changed)
  }
})

test('the percent-encoding of sig may be of either case, or not be there', () => {
  const text = SDK_TOKENS[2]?.text ?? ''
  assert.equal(verifySasToken(parseSasToken(text.replace('%2B', '%2b').replace('s%3D', 's%3d')), KEY), true)
  assert.equal(verifySasToken(parseSasToken(text.replace('%2B', '+').replace('s%3D', 's=')), KEY), true)
})

test('fields that are missing, empty, twice or nameless are refused; unknown ones are passed over', () => {
  const good = `sr=a&sig=${SIG}&se=1`
  parseSasToken(`SharedAccessSignature ${good}&x=1`)
  assert.equal(parseSasToken(`SharedAccessSignature ${good}&skn=`).policyName, undefined)
  refuses(`SharedAccessSignature sig=${SIG}&se=1`, 'missing-field')
  refuses('SharedAccessSignature sr=a&se=1', 'missing-field')
  refuses(`SharedAccessSignature sr=a&sig=${SIG}`, 'missing-field')
  refuses(`SharedAccessSignature sr=&sig=${SIG}&se=1`, 'missing-field')
  refuses(`SharedAccessSignature ${good}&sr=b`, 'duplicate-field')
  refuses(`SharedAccessSignature ${good}&x=1&x=1`, 'duplicate-field')
  refuses(`SharedAccessSignature ${good}&=1`, 'malformed')
  refuses(`SharedAccessSignature ${good}&`, 'malformed')
  refuses(`SharedAccessSignature ${good}&x`, 'malformed')
  refuses(`SharedAccessSignature sr=%&sig=${SIG}&se=1`, 'malformed')
  refuses(`SharedAccessSignature sr=%ff&sig=${SIG}&se=1`, 'malformed')
  refuses(`SharedAccessSignature ${good}&skn=%c0%80`, 'malformed')
  for (const text of ['', good, `Bearer ${good}`, `sharedaccesssignature ${good}`, 'SharedAccessSignature']) {
    refuses(text, 'malformed')
  }
  assert.equal(parseSasToken(`SharedAccessSignature ${good}&constructor=x&__proto__=y`).sr, 'a')
})

test('a token over 4 KiB or of more than 8 fields is refused before it is read', () => {
  refuses(`SharedAccessSignature sr=${'a'.repeat(4_096)}&sig=${SIG}&se=1`, 'too-large')
  refuses(`SharedAccessSignature sr=a&sig=${SIG}&se=1&a=&b=&c=&d=&e=&f=`, 'too-large')
  refuses(`SharedAccessSignature ${'&'.repeat(4_000)}`, 'too-large')
})

test('a signature is canonical base64 of 32 bytes', () => {
  for (const sig of ['AAAA', `${SIG}A`, SIG.replace('k%3D', 'l%3D'), SIG.replace('%3D', ''), 'BhO8bj9u%20', '%']) {
    assert.throws(() => parseSasToken(`SharedAccessSignature sr=a&sig=${sig}&se=1`), TokenError, sig)
  }
  refuses(`SharedAccessSignature sr=a&sig=${SIG.replace('k%3D', 'l%3D')}&se=1`, 'bad-signature')
})

test('se is a decimal number of seconds; what is far is cut to the last date, nothing overflows', () => {
  const expires = (se: string): number => parseSasToken(`SharedAccessSignature sr=a&sig=${SIG}&se=${se}`).expires
  assert.equal(expires('0'), 0)
  assert.equal(expires('1900000000.75'), 1_900_000_000_000)
  assert.equal(expires('1793620500000'), 1_793_620_500_000_000)
  assert.equal(expires('9'.repeat(32)), 8_640_000_000_000_000)
  assert.equal(new Date(expires('9'.repeat(32))).getUTCFullYear(), 275_760)
  for (const se of ['-1', '1e9', '0x10', ' 1', '1 ', '.5', '1.', 'NaN', 'Infinity', '٣', '9'.repeat(33), '1,0']) {
    refuses(`SharedAccessSignature sr=a&sig=${SIG}&se=${se}`, 'bad-expiry')
  }
})

test('a token has ended at its expiry, and five minutes later where skew is granted', () => {
  const token = parseSasToken(`SharedAccessSignature sr=a&sig=${SIG}&se=1900000000`)
  const at = (ms: number): ReturnType<typeof timestampOf> => timestampOf(1_900_000_000_000 + ms)
  assert.equal(isExpired(token, at(-1), 0), false)
  assert.equal(isExpired(token, at(0), 0), true)
  assert.equal(isExpired(token, at(EXPIRY_SKEW_MS - 1), EXPIRY_SKEW_MS), false)
  assert.equal(isExpired(token, at(EXPIRY_SKEW_MS), EXPIRY_SKEW_MS), true)
})

test('keys are canonical base64 of 16 to 64 bytes', () => {
  const key = (bytes: number): string => Buffer.alloc(bytes, 0xfb).toString('base64')
  for (const bytes of [16, 19, 32, 36, 64]) assert.equal(isKey(key(bytes)), true, String(bytes))
  for (const bytes of [0, 15, 65, 1000]) assert.equal(isKey(key(bytes)), false, String(bytes))
  for (const bad of [
    `${KEY}\n`,
    KEY.replace('=', ''),
    KEY.replace('8=', '9='),
    Buffer.alloc(33, 0xfb).toString('base64url'),
  ]) {
    assert.equal(isKey(bad), false, bad)
  }
  const token = parseSasToken(SDK_TOKENS[0]?.text ?? '')
  assert.throws(() => verifySasToken(token, ''), TokenError)
})

test('the key of a device in a group is HMAC-SHA-256 over its registration id', () => {
  assert.equal(deriveDeviceKey(KEY, 'dev-1'), 'uPrGCZtSCJ9Nt+iY0r7te47dbsu7OCYEU9tz7kQloUs=')
  assert.notEqual(deriveDeviceKey(KEY, 'DEV-1'), deriveDeviceKey(KEY, 'dev-1'))
})

test('what is formatted parses and verifies', () => {
  const input = fc.record(
    {
      resource: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((text) => text.isWellFormed()),
      key: fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      expirySeconds: fc.nat({ max: 8_000_000_000 }),
      policyName: fc.string({ minLength: 1, maxLength: 20 }),
    },
    { requiredKeys: ['resource', 'key', 'expirySeconds'] },
  )
  fc.assert(
    fc.property(input, (token) => {
      const parsed = parseSasToken(formatSasToken(token))
      assert.equal(parsed.resource, token.resource)
      assert.equal(parsed.policyName, token.policyName)
      assert.equal(parsed.expires, token.expirySeconds * 1000)
      assert.equal(verifySasToken(parsed, token.key), true)
    }),
    { numRuns: 200 },
  )
  assert.throws(() => formatSasToken({ resource: 'a', key: KEY, expirySeconds: 1.5 }), TypeError)
})

test('messages of errors hold nothing of the text', () => {
  try {
    parseSasToken('SharedAccessSignature sr=topsecret&sig=topsecret&se=topsecret')
    assert.fail()
  } catch (error) {
    assert.ok(error instanceof TokenError)
    assert.doesNotMatch(error.message, /topsecret/)
  }
})
