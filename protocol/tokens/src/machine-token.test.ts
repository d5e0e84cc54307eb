import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { formatMachineToken, isMachineToken, MACHINE_TOKEN_CHARACTERS, MACHINE_TOKEN_PATTERN } from './machine-token.ts'

const SECRETS = [
  new Uint8Array(32),
  new Uint8Array(32).fill(255),
  Uint8Array.from({ length: 32 }, (_, at) => at * 7),
] as const

test('a token has one length and one form, whatever its secret, and a checksum that zlib agrees with', () => {
  for (const secret of SECRETS) {
    const token = formatMachineToken(secret)
    assert.equal(token.length, MACHINE_TOKEN_CHARACTERS)
    assert.match(token, new RegExp(`^${MACHINE_TOKEN_PATTERN}$`))
    assert.ok(isMachineToken(token))
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    const number = Array.from(token.slice(47)).reduce((sum, one) => sum * 62 + alphabet.indexOf(one), 0)
    assert.equal(number, crc32(token.slice(0, 47)))
  }
})

test('two secrets make two tokens', () => {
  assert.equal(new Set(SECRETS.map((secret) => formatMachineToken(secret))).size, SECRETS.length)
})

test('any one character changed, left out, doubled or swapped with its neighbour makes it none', () => {
  const token = formatMachineToken(SECRETS[2])
  for (let at = 0; at < token.length; at += 1) {
    const own = token.charAt(at)
    const before = token.slice(0, at)
    const after = token.slice(at + 1)
    assert.ok(!isMachineToken(`${before}${own === 'A' ? 'B' : 'A'}${after}`), `changed at ${at}`)
    assert.ok(!isMachineToken(`${before}${after}`), `left out at ${at}`)
    assert.ok(!isMachineToken(`${before}${own}${own}${after}`), `doubled at ${at}`)
    const next = after.charAt(0)
    if (next !== '' && next !== own) assert.ok(!isMachineToken(`${before}${next}${own}${after.slice(1)}`))
  }
})

test('what only looks alike is none: spaces around it, other letters, nothing', () => {
  const token = formatMachineToken(SECRETS[0])
  for (const text of ['', 'hft_', ` ${token}`, `${token}\n`, token.toUpperCase(), token.replace('hft_', 'hfs_')]) {
    assert.ok(!isMachineToken(text), JSON.stringify(text))
  }
  assert.throws(() => formatMachineToken(new Uint8Array(31)), TypeError)
})
