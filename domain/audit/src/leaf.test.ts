import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { commitTo, decodeBody, encodeBody, entryKeys, isCommitted, openBody, sealBody } from './body.ts'
import { canonicalJson } from './canonical.ts'
import { decodeLeaf, encodeLeaf, type Leaf } from './leaf.ts'
import { ownerOf, sealOwnerOf } from './owner.ts'

const LEAF: Leaf = {
  index: 7,
  type: 'session.opened',
  version: 1,
  time: timestampOf(Date.UTC(2026, 10, 25, 8)),
  commitment: new Uint8Array(32).fill(0xab),
}
const TEXT = `{"commitment":"${'ab'.repeat(32)}","n":7,"time":"2026-11-25T08:00:00.000Z","type":"session.opened","v":1,"version":1}`

const BODY = {
  subject: 'device/pumpe-ü',
  actor: 'device/pumpe-ü',
  source: 'mqtt/10.0.0.7',
  detail: { z: 1.5, a: 'x"\n', b: true },
} as const

test('a leaf has one encoding, canonical JSON, and is read from it', () => {
  assert.equal(Buffer.from(encodeLeaf(LEAF)).toString(), TEXT)
  const { commitment, ...rest } = JSON.parse(TEXT) as Record<string, string | number>
  assert.equal(canonicalJson({ ...rest, commitment: commitment ?? '' }), TEXT)
  assert.deepEqual(decodeLeaf(Buffer.from(TEXT)), LEAF)
})

test('whatever is no leaf, or another text of one, is none', () => {
  for (const text of [
    '',
    '{}',
    `${TEXT} `,
    ` ${TEXT}`,
    TEXT.replace('"n":7', '"n":07'),
    TEXT.replace('"n":7', '"n":7.0'),
    TEXT.replace('"n":7', '"n":9999999999999999'),
    TEXT.replace('"v":1', '"v":2'),
    TEXT.replace('"version":1', '"version":0'),
    TEXT.replace('abab', 'ABAB'),
    TEXT.replace('11-25', '11-31'),
    TEXT.replace('session.opened', 'Session.opened'),
    TEXT.replace('session.opened', `session.${'o'.repeat(600)}`),
    TEXT.replace('"v":1,', '"v":1,"w":1,'),
  ]) {
    assert.equal(decodeLeaf(Buffer.from(text)), undefined, text.slice(0, 200))
  }
})

test('a body has one encoding, sorted, and is read from it', () => {
  const bytes = encodeBody(BODY)
  assert.equal(
    Buffer.from(bytes).toString(),
    '{"actor":"device/pumpe-ü","detail":{"a":"x\\"\\n","b":true,"z":1.5},"source":"mqtt/10.0.0.7","subject":"device/pumpe-ü"}',
  )
  assert.deepEqual(decodeBody(bytes), BODY)
  for (const text of [
    '',
    'null',
    '[]',
    '{"actor":"a","detail":{},"subject":"s" }',
    '{"actor":"a","detail":{"x":null},"subject":"s"}',
    '{"actor":"a","detail":[],"subject":"s"}',
    '{"actor":"a","detail":{},"more":1,"subject":"s"}',
    '{"actor":"\\ud800","detail":{},"subject":"s"}',
    '{"actor":"a","detail":{},"source":1,"subject":"s"}',
  ]) {
    assert.equal(decodeBody(Buffer.from(text)), undefined, text)
  }
  assert.equal(decodeBody(Uint8Array.of(0xff, 0xfe)), undefined)
})

test('a commitment is HMAC of the body under its opening, which only the secret and the salt give', () => {
  const secret = randomBytes(32)
  const salt = randomBytes(16)
  const { key, opening } = entryKeys(secret, salt)
  const body = encodeBody(BODY)
  const commitment = commitTo(body, opening)
  assert.deepEqual(commitment, createHmac('sha256', opening).update(body).digest())
  assert.ok(isCommitted(commitment, body, opening))
  assert.ok(!isCommitted(commitment, encodeBody({ ...BODY, actor: 'hub' }), opening))
  assert.ok(!isCommitted(commitment, body, randomBytes(32)))
  assert.ok(!isCommitted(commitment.subarray(1), body, opening))
  assert.notDeepEqual(entryKeys(secret, randomBytes(16)).opening, opening)
  assert.notDeepEqual(key, opening)
})

test('a sealed body opens at its place with its key, and nowhere else', () => {
  const { key } = entryKeys(randomBytes(32), randomBytes(16))
  const body = encodeBody(BODY)
  const sealed = sealBody(body, key, encodeLeaf(LEAF))
  assert.ok(!Buffer.from(sealed).includes('pump'))
  assert.deepEqual(openBody(sealed, key, encodeLeaf(LEAF)), Buffer.from(body))
  assert.equal(openBody(sealed, key, encodeLeaf({ ...LEAF, index: 8 })), undefined)
  assert.equal(openBody(sealed, randomBytes(32), encodeLeaf(LEAF)), undefined)
  assert.equal(openBody(sealed.subarray(0, 8), key, encodeLeaf(LEAF)), undefined)
  for (let at = 0; at < sealed.length; at += 7) {
    const changed = Uint8Array.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(openBody(changed, key, encodeLeaf(LEAF)), undefined)
  }
})

test('what strangers can cause is sealed under the hub, the rest under its subject; modules are their device', () => {
  assert.equal(sealOwnerOf({ type: 'session.refused', subject: 'device/made-up' }), 'hub')
  assert.equal(sealOwnerOf({ type: 'session.opened', subject: 'device/pump/module/m' }), 'device/pump')
  assert.equal(ownerOf('policy/service'), 'policy/service')
  assert.equal(ownerOf('device/pump'), 'device/pump')
  assert.equal(ownerOf('hub'), 'hub')
})
