import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { AttestationError } from './errors.ts'
import { DOCUMENT_BYTES_MAX } from './limits.ts'
import { readAttestationPolicy } from './policy.ts'
import { readSignerKey, verifyReferenceValues } from './reference-values.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const D = 'ab'.repeat(32)
const BASE = { format: 'holdfast-reference-values/1', name: 'a', serial: 1, denied: [{ digest: D, reason: 'x' }] }

const read = (text: string) => {
  const bytes = Buffer.from(text)
  return verifyReferenceValues(bytes, sign(null, bytes, privateKey), publicKey)
}
const faults = (content: unknown): string => {
  try {
    read(typeof content === 'string' ? content : JSON.stringify(content))
    return ''
  } catch (error) {
    assert.ok(error instanceof AttestationError && error.code === 'invalid', String(error))
    return error.message
  }
}

test('a document says what it says', () => {
  const values = read(
    JSON.stringify({
      ...BASE,
      description: 'release',
      models: ['m'],
      notAfter: '2027-01-01T00:00:00Z',
      pcrs: { sha256: { 7: [D.toUpperCase()] } },
      events: [
        { pcr: 4, digests: { sha256: [D] }, optional: true, description: 'loader' },
        { pcr: 4, digests: { sha384: ['cd'.repeat(48)] } },
      ],
      tpmFirmware: ['2019102300163636'],
    }),
  )
  assert.equal(values.pcrs.get('sha256')?.get(7)?.has(D), true)
  assert.deepEqual(
    values.events.get(4)?.map(({ isOptional, description }) => [isOptional, description]),
    [
      [true, 'loader'],
      [false, undefined],
    ],
  )
  assert.equal(values.denied.get(D), 'x')
  assert.equal(values.notAfter, Date.UTC(2027, 0, 1))
  assert.deepEqual([...values.tpmFirmware], ['2019102300163636'])
})

test('nothing is read of what the key did not sign', () => {
  const bytes = Buffer.from(JSON.stringify(BASE))
  const signature = sign(null, bytes, privateKey)
  for (const [document, by] of [
    [Buffer.concat([bytes, Buffer.from(' ')]), signature],
    [bytes, signature.subarray(1)],
    [bytes, Buffer.alloc(0)],
  ] as const) {
    assert.throws(
      () => verifyReferenceValues(document, by, publicKey),
      (error: unknown) => error instanceof AttestationError && error.code === 'bad-signature',
    )
  }
  assert.throws(
    () => verifyReferenceValues(new Uint8Array(DOCUMENT_BYTES_MAX + 1), signature, publicKey),
    AttestationError,
  )
})

test('every fault of a document is named by its place', () => {
  assert.match(faults('{'), /not JSON/)
  assert.match(faults('[]'), /is not a JSON object/)
  assert.match(faults({ ...BASE, format: 'x' }), /\/format/)
  assert.match(faults({ ...BASE, serial: 0, name: '-' }), /\/name .*\/serial/)
  assert.match(faults({ ...BASE, more: 1 }), /\/more is not known/)
  assert.match(faults({ ...BASE, __proto__x: 1 }), /__proto__x/)
  assert.match(
    faults('{"format":"holdfast-reference-values/1","name":"a","serial":1,"__proto__":{"denied":[]}}'),
    /__proto__/,
  )
  assert.match(faults({ ...BASE, pcrs: { sha1: {} } }), /\/pcrs\/sha1 is not known/)
  assert.match(faults({ ...BASE, pcrs: { sha256: { 24: [D] } } }), /\/pcrs\/sha256\/24 is not known/)
  assert.match(faults({ ...BASE, pcrs: { sha256: { 7: ['ab'] } } }), /\/pcrs\/sha256\/7\/0/)
  assert.match(faults({ ...BASE, events: [{ pcr: 1.5, digests: {} }] }), /\/events\/0\/pcr/)
  assert.match(faults({ ...BASE, events: [{ pcr: 4, digests: { sha384: [D] } }] }), /\/events\/0\/digests\/sha384\/0/)
  assert.match(faults({ ...BASE, denied: [{ digest: 'zz', reason: 1 }] }), /\/denied\/0\/reason.*\/denied\/0\/digest/)
  assert.match(faults({ ...BASE, models: [] }), /\/models/)
  assert.match(faults({ ...BASE, notAfter: 'tomorrow' }), /\/notAfter/)
  assert.match(faults({ ...BASE, denied: [] }), /nothing of any measurement/)
})

test('keys that sign are Ed25519 or on a NIST curve, as PEM', () => {
  const pem = (key: KeyObject): string => String(key.export({ format: 'pem', type: 'spki' }))
  assert.equal(readSignerKey(pem(publicKey)).asymmetricKeyType, 'ed25519')
  for (const text of [
    pem(generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey),
    pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
    String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    'no key',
  ]) {
    assert.throws(
      () => readSignerKey(text),
      (error: unknown) => error instanceof AttestationError && error.code === 'invalid',
    )
  }
})

test('a policy is what it says, and the default for the rest; every fault is named', () => {
  assert.deepEqual(readAttestationPolicy({ pcrs: [7, 0], maxAgeMs: 90_000 }), {
    required: true,
    bank: 'sha256',
    pcrs: [0, 7],
    maxAgeMs: 90_000,
    onFailure: 'remediation',
    endorsementCertificate: false,
  })
  for (const [value, fault] of [
    [{ pcrs: [] }, /\/pcrs/],
    [{ pcrs: [24] }, /\/pcrs/],
    [{ pcrs: [1, 1] }, /\/pcrs/],
    [{ bank: 'sha1' }, /\/bank/],
    [{ maxAgeMs: 1 }, /\/maxAgeMs/],
    [{ onFailure: 'close' }, /\/onFailure/],
    [{ required: 1, endorsementCertificate: 'yes' }, /\/required.*\/endorsementCertificate/],
    [{ other: 1 }, /\/other/],
    [7, /not a JSON object/],
  ] as const) {
    assert.throws(() => readAttestationPolicy(value), fault)
  }
})
