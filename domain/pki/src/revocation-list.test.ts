import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  bits,
  boolean,
  element,
  elementOf,
  enumerated,
  explicit,
  extension,
  integer,
  sequence,
  time,
} from './der-writer.ts'
import { decodeRevocationListInput, encodePem, issueCrl, parseRevocationList, PkiError } from './index.ts'
import type { CrlFault } from './index.ts'
import { createHierarchy, createMemorySigner, issue, TEST_NOW } from './testing/index.ts'
import { ROOT_AUTHORITY } from './profile.ts'

const { root, issuing, device } = await createHierarchy('dev-1')
const NEXT = timestampOf(TEST_NOW + 86_400_000)
const own = { issuer: root.certificate, signer: root.signer, number: 1n, thisUpdate: TEST_NOW, nextUpdate: NEXT }

const ECDSA_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex')

/** A list of the root with whatever in it, signed by the root's key. */
async function forged(fields: {
  readonly version?: Uint8Array
  readonly entries?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  readonly nextUpdate?: boolean
  readonly inner?: Uint8Array
}): Promise<Uint8Array> {
  const { entries, extensions, inner = ECDSA_SHA256 } = fields
  const signed = sequence(
    fields.version ?? integer(1),
    inner,
    root.certificate.subject,
    time(TEST_NOW),
    ...(fields.nextUpdate === false ? [] : [time(NEXT)]),
    ...(entries === undefined ? [] : [elementOf(0x30, entries)]),
    ...(extensions === undefined ? [] : [explicit(0, elementOf(0x30, extensions))]),
  )
  return sequence(signed, ECDSA_SHA256, bits(await root.signer.sign(signed)))
}

const entry = (serial: number | bigint, ...more: readonly Uint8Array[]): Uint8Array =>
  sequence(integer(serial), time(TEST_NOW), ...more)

test('a list of 100,000 entries is read in under a second, holds little beside its bytes, and answers at once', async () => {
  const serial = (index: number): string => (0x4000_0000_0000_0000n + BigInt(index) * 7_919n).toString(16)
  const entries = Array.from({ length: 100_000 }, (_, index) => ({
    serialNumber: serial(index),
    revokedAt: TEST_NOW,
    reason: 'superseded' as const,
  }))
  // Not in the order of their numbers, which no CA has to keep.
  entries.sort((a, b) => (a.serialNumber.slice(-3) < b.serialNumber.slice(-3) ? -1 : 1))
  const der = await issueCrl({ ...own, entries })
  const started = performance.now()
  const list = parseRevocationList(der)
  const read = performance.now() - started
  assert.ok(read < 1_000, `${read} ms`)
  assert.equal(list.size, 100_000)
  const asked = performance.now()
  for (let index = 0; index < 100_000; index += 97) assert.equal(list.find(serial(index))?.reason, 'superseded')
  assert.equal(list.find(serial(100_000)), undefined)
  const each = (performance.now() - asked) / 1_031
  assert.ok(each < 1, `${each} ms a lookup`)
})

test('serial numbers are told apart by every byte, whatever their highest bit', async () => {
  const entries = ['80', '7F', '0080FF', 'FF00', '01'].map((serialNumber) => ({ serialNumber, revokedAt: TEST_NOW }))
  const list = parseRevocationList(await issueCrl({ ...own, entries }))
  for (const number of ['80', '7F', '80FF', 'FF00', '01']) assert.ok(list.find(number) !== undefined, number)
  for (const number of ['81', '00', 'FF', '0100', '7F00']) assert.equal(list.find(number), undefined, number)
})

test('a list counts for its issuer alone, and only where that may sign lists', async () => {
  const der = await issueCrl({ ...own, entries: [] })
  assert.equal(parseRevocationList(der).faultOf(root.certificate), undefined)
  assert.equal(parseRevocationList(der).faultOf(issuing.certificate), 'wrong-issuer')
  const twin = await issue({ profile: ROOT_AUTHORITY, commonName: 'Test Root' })
  assert.equal(parseRevocationList(der).faultOf(twin.certificate), 'wrong-issuer', 'the same name, another key')
  const silent = await issue({
    profile: { ...ROOT_AUTHORITY, keyUsage: 32 },
    commonName: 'Test Root',
    signer: root.signer,
  })
  assert.equal(parseRevocationList(der).faultOf(silent.certificate), 'key-usage')
  const leafs = { ...own, issuer: device.certificate, signer: device.signer, entries: [] }
  await assert.rejects(issueCrl(leafs), TypeError, 'a leaf signs no lists')
  await assert.rejects(issueCrl({ ...own, signer: createMemorySigner(), entries: [] }), TypeError)
})

test('§5.2, §5.3: what would change the meaning of a list makes it count for nothing', async () => {
  const point = (...fields: readonly Uint8Array[]): Uint8Array => extension('2.5.29.28', true, sequence(...fields))
  const cases: readonly (readonly [CrlFault | undefined, Parameters<typeof forged>[0]])[] = [
    [undefined, { entries: [entry(1)], extensions: [extension('2.5.29.20', false, integer(1))] }],
    [undefined, { extensions: [extension('1.2.3', false, integer(1))] }],
    ['critical-extension', { extensions: [extension('1.2.3', true, integer(1))] }],
    ['delta', { extensions: [extension('2.5.29.27', true, integer(1))] }],
    ['indirect', { extensions: [point(element(0x84, Uint8Array.of(0xff)))] }],
    ['partial', { extensions: [point(element(0x81, Uint8Array.of(0xff)))] }],
    ['partial', { extensions: [point(element(0x83, Uint8Array.of(6, 0x40)))] }],
    ['partial', { extensions: [point(element(0xa0, element(0xa0, element(0x86, Buffer.from('http://x')))))] }],
    ['indirect', { entries: [entry(1, sequence(extension('2.5.29.29', true, sequence())))] }],
    ['critical-extension', { entries: [entry(1), entry(2, sequence(extension('1.2.3', true, integer(1))))] }],
    ['no-next-update', { entries: [entry(1)], nextUpdate: false }],
  ]
  for (const [fault, fields] of cases) {
    assert.equal(parseRevocationList(await forged(fields)).faultOf(root.certificate), fault, JSON.stringify(fields))
  }
})

test('what has not the form of a list is refused', async () => {
  const reason = (number: number): Uint8Array => sequence(extension('2.5.29.21', false, enumerated(number)))
  const malformed: readonly Parameters<typeof forged>[0][] = [
    { version: integer(0) },
    { version: integer(2) },
    { entries: [] },
    { entries: [sequence(integer(1))] },
    { entries: [sequence(time(TEST_NOW), integer(1))] },
    { entries: [entry(1, sequence())] },
    { entries: [entry(1, boolean(true))] },
    { entries: [entry(1, reason(7))] },
    { entries: [entry(1, reason(8))] },
    { entries: [entry(1, reason(1), reason(1))] },
    { entries: [sequence(element(2, Uint8Array.of(0, 1)), time(TEST_NOW))] },
    { extensions: [] },
    { extensions: [extension('2.5.29.20', false, integer(1)), extension('2.5.29.20', false, integer(1))] },
    { inner: Buffer.from('300a06082a8648ce3d040303', 'hex') },
  ]
  for (const fields of malformed) {
    const der = await forged(fields)
    assert.throws(() => parseRevocationList(der), PkiError, JSON.stringify(fields))
  }
  const good = await forged({ entries: [entry(1)] })
  for (let length = 0; length < good.length; length += 7) {
    assert.throws(() => parseRevocationList(good.subarray(0, length)), PkiError, `${length} bytes`)
  }
  assert.throws(() => parseRevocationList(Buffer.concat([good, Uint8Array.of(0)])), PkiError, 'a byte behind the end')
})

test('a list is handed in as DER or as one PEM block', async () => {
  const der = await issueCrl({ ...own, entries: [] })
  const pem = encodePem('X509 CRL', der)
  for (const input of [der, Buffer.from(pem), Buffer.from(`remark\r\n${pem.replaceAll('\n', '\r\n')}`)]) {
    assert.deepEqual(Buffer.from(decodeRevocationListInput(input)), Buffer.from(der))
  }
  for (const text of ['', 'x', pem + pem, pem.replace('END', 'FIN'), pem.replace('MI', '!!')]) {
    assert.throws(() => decodeRevocationListInput(Buffer.from(text)), PkiError)
  }
})
