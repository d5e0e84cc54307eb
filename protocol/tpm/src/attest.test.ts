import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeAttest } from './attest.ts'
import { TpmError } from './errors.ts'
import type { TpmErrorCode } from './errors.ts'
import { digestOfPcrs } from './quote-verification.ts'
import { attestSeed } from './testing/boot-targets.ts'

const refused = (code: TpmErrorCode) => (error: unknown) => error instanceof TpmError && error.code === code

test('a quote says who signed, over what, and when of the TPM’s own time (Part 2 §10.12.12)', () => {
  const attest = decodeAttest(attestSeed('quote'))
  assert.equal(attest.kind, 'quote')
  assert.deepEqual(attest.clock, { clock: 123_456n, resetCount: 7, restartCount: 1, isSafe: true })
  assert.equal(attest.firmwareVersion, 0x2020_0422_0016_3636n)
  assert.deepEqual(attest.kind === 'quote' ? attest.selection : [], [
    { hash: 'sha256', pcrs: [0, 1, 2, 3, 4, 5, 6, 7] },
  ])
})

test('a certification is no quote', () => {
  const attest = decodeAttest(attestSeed('certify'))
  assert.equal(attest.kind, 'certify')
})

test('what no TPM made, what is of another kind, and what is too long or too short is refused', () => {
  const quote = Buffer.from(attestSeed('quote'))
  const changed = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(quote)
    bytes[at] = value
    return bytes
  }
  assert.throws(() => decodeAttest(changed(0, 0)), refused('malformed'))
  // TPM_ST_ATTEST_TIME and TPM_ST_ATTEST_NV say nothing of PCRs.
  for (const tag of [0x19, 0x14]) assert.throws(() => decodeAttest(changed(5, tag)), refused('unsupported'))
  assert.throws(() => decodeAttest(Buffer.concat([quote, Buffer.from([0])])), refused('trailing'))
  for (let length = 0; length < quote.length; length += 1) {
    assert.throws(() => decodeAttest(quote.subarray(0, length)), TpmError, String(length))
  }
  // Neither yes nor no.
  const safeAt = 6 + 2 + 34 + 2 + 32 + 8 + 4 + 4
  assert.throws(() => decodeAttest(changed(safeAt, 2)), refused('malformed'))
})

test('values of PCRs are digested in the order of the selection, each as long as its bank', () => {
  const selection = [{ hash: 'sha256', pcrs: [0, 4] }] as const
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const digest = (first: Uint8Array, second: Uint8Array | undefined): string | undefined => {
    const of = new Map([[0, first], ...(second === undefined ? [] : [[4, second] as const])])
    const found = digestOfPcrs(selection, new Map([['sha256', of]]), 'sha256')
    return found && Buffer.from(found).toString('hex')
  }
  assert.notEqual(digest(a, b), digest(b, a))
  assert.equal(digest(a, undefined), undefined)
  assert.equal(digest(a, new Uint8Array(31)), undefined)
  assert.equal(digest(a, new Uint8Array(33)), undefined)
})
