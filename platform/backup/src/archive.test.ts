import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { requireTool } from '@holdfast/testing-tidy'
import { BackupError } from './errors.ts'
import type { Manifest } from './manifest.ts'
import { pack } from './pack.ts'
import { newIdentity, open, readIdentities, seal } from './sealing.ts'
import { encodeHeader, paddingOf, TRAILER } from './tar.ts'
import { unpack } from './unpack.ts'

const FACTS: Omit<Manifest, 'files'> = {
  id: 'ab'.repeat(16),
  takenTime: '2026-11-25T00:00:00.000Z',
  hostname: 'localhost',
  version: '0.1.0',
  keyProvider: 'file',
  counts: { devices: 1, modules: 0, uploads: 0, partitions: [{ partition: 0, first: 0, next: 7 }], entries: 3 },
}

function scratch(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-backup-'))
  test.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A folder with a few files, and the archive of them. */
async function packed(test: TestContext) {
  const folder = scratch(test)
  mkdirSync(join(folder, 'from/keys'), { recursive: true })
  const files = { 'config.json': '{}', 'keys/ring.json': 'x'.repeat(512), 'state.db': 's'.repeat(300_001), empty: '' }
  const sources = Object.entries(files).map(([name, content]) => {
    const path = join(folder, 'from', name)
    writeFileSync(path, content)
    return { name, path, bytes: content.length }
  })
  const make = async (): Promise<Buffer> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of pack({ sources, manifest: FACTS, sign: async () => Buffer.from('a note\n') })) {
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }
  const into = join(folder, 'to')
  mkdirSync(into)
  return { folder, files, archive: await make(), make, into }
}

async function* once(bytes: Uint8Array, chunk = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
}

const isDamage = (error: unknown): boolean => error instanceof BackupError && error.code === 'archive-damaged'

test('what was packed is unpacked, whatever the chunks; equal contents have equal bytes', async (t) => {
  const { archive, make, into, files } = await packed(t)
  assert.deepEqual(await make(), archive)
  const { manifest, signature } = await unpack(once(archive, 777), into)
  assert.deepEqual(manifest.counts, FACTS.counts)
  assert.equal(Buffer.from(signature ?? []).toString(), 'a note\n')
  for (const [name, content] of Object.entries(files)) assert.equal(readFileSync(join(into, name), 'utf8'), content)
  assert.deepEqual(readdirSync(into).sort(), ['config.json', 'empty', 'keys', 'state.db'])
})

test('GNU tar reads what we pack', { skip: requireTool('tar') }, async (t) => {
  const { folder, archive, files } = await packed(t)
  writeFileSync(join(folder, 'a.tar'), archive)
  mkdirSync(join(folder, 'gnu'))
  execFileSync('tar', ['-xf', join(folder, 'a.tar'), '-C', join(folder, 'gnu')])
  for (const [name, content] of Object.entries(files)) {
    assert.equal(readFileSync(join(folder, 'gnu', name), 'utf8'), content)
  }
})

test('an archive that is cut anywhere is refused', async (t) => {
  const { archive, folder } = await packed(t)
  for (let at = 0; at < archive.length; at += 20_480) {
    const into = mkdtempSync(join(folder, 'cut-'))
    await assert.rejects(unpack(once(archive.subarray(0, at)), into), isDamage, String(at))
  }
  const into = mkdtempSync(join(folder, 'cut-'))
  await assert.rejects(unpack(once(archive.subarray(0, -512)), into), isDamage)
})

test('a changed byte is found, in a header, in a file and in the manifest', async (t) => {
  const { archive, folder } = await packed(t)
  const manifestAt = archive.indexOf('"takenTime"')
  for (const at of [0, 100, 124, 156, 157, 257, 600, 5_000, 250_000, manifestAt + 20, archive.length - 700]) {
    const changed = Buffer.from(archive)
    changed.writeUInt8((changed[at] ?? 0) ^ 1, at)
    const into = mkdtempSync(join(folder, 'flip-'))
    const outcome = unpack(once(changed), into)
    await assert.rejects(outcome, isDamage, String(at))
  }
})

test('what a hostile archive may hold is refused and writes nothing outside of its folder', async (t) => {
  const folder = scratch(t)
  const plain = (name: string): Buffer => Buffer.from(encodeHeader({ name, bytes: 0, modifiedSeconds: 0 }))
  const renamed = (name: string): Buffer => {
    const header = plain('x')
    header.fill(0, 0, 100)
    header.write(name, 0, 'latin1')
    return signed(header)
  }
  const typed = (type: string, link = ''): Buffer => {
    const header = plain('x')
    header.write(type, 156, 'latin1')
    header.write(link, 157, 'latin1')
    return signed(header)
  }
  const sized = (size: string): Buffer => {
    const header = plain('x')
    header.write(size, 124, 'latin1')
    return signed(header)
  }
  const huge = plain('x')
  huge[124] = 0x80
  huge.writeBigUInt64BE(2n ** 62n, 128)
  const cases: Readonly<Record<string, Uint8Array>> = {
    'a way up': renamed('../escaped'),
    'a way up within': renamed('keys/../../escaped'),
    'an absolute path': renamed(join(folder, 'escaped')),
    'a hidden name': renamed('.ssh'),
    'too deep': renamed('a/b/c/d'),
    'two slashes': renamed('a//b'),
    'a symbolic link': typed('2', '/etc/passwd'),
    'a hard link': typed('1', 'x'),
    'a device': typed('3'),
    'a folder': typed('5'),
    'a pipe': typed('6'),
    'a pax header': typed('x'),
    'a GNU long name': typed('L'),
    'a negative size': sized('-0000000001\0'),
    'a size of octal that is none': sized('0000000009x\0'),
    'a size beyond all disks': signed(huge),
    'a small size in base 256': (() => {
      const header = plain('x')
      header.fill(0, 124, 136)
      header[124] = 0x80
      return signed(header)
    })(),
    'a file twice': Buffer.concat([plain('x'), plain('x')]),
    'a file that is a folder too': Buffer.concat([plain('x'), plain('x/y')]),
    'a wrong checksum': (() => {
      const header = plain('x')
      header[148] = 0x31
      return header
    })(),
  }
  for (const [name, header] of Object.entries(cases)) {
    const into = mkdtempSync(join(folder, 'into-'))
    const archive = Buffer.concat([header, TRAILER])
    await assert.rejects(unpack(once(archive), into), isDamage, name)
    assert.equal(existsSync(join(folder, 'escaped')), false, name)
  }
})

test('a file that is in no manifest, or behind it, is refused', async (t) => {
  const { archive, folder } = await packed(t)
  const extra = Buffer.concat([
    encodeHeader({ name: 'extra', bytes: 1, modifiedSeconds: 0 }),
    Buffer.from('x'),
    paddingOf(1),
  ])
  const before = Buffer.concat([extra, archive])
  await assert.rejects(unpack(once(before), mkdtempSync(join(folder, 'e-'))), isDamage)
  const behind = Buffer.concat([archive.subarray(0, -1_024), extra, TRAILER])
  await assert.rejects(unpack(once(behind), mkdtempSync(join(folder, 'e-'))), isDamage)
})

test("Debian's age opens what we seal, and we open what it seals", { skip: requireTool('age') }, async (t) => {
  const folder = scratch(t)
  execFileSync('age-keygen', ['-o', join(folder, 'key.txt')], { stdio: 'ignore' })
  const recipient = execFileSync('age-keygen', ['-y', join(folder, 'key.txt')], { encoding: 'utf8' }).trim()
  for (const size of [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000]) {
    const plain = Buffer.alloc(size, `${size} `)
    const sealed = await whole(await seal({ kind: 'recipients', recipients: [recipient] }, once(plain, 10_000)))
    const opened = execFileSync('age', ['-d', '-i', join(folder, 'key.txt')], { input: sealed, maxBuffer: 2 ** 25 })
    assert.deepEqual(opened, plain)
    const theirs = execFileSync('age', ['-r', recipient], { input: plain, maxBuffer: 2 ** 25 })
    const identities = readIdentities(readFileSync(join(folder, 'key.txt'), 'utf8'))
    assert.deepEqual(await whole(await open({ kind: 'identities', identities }, once(theirs, 999))), plain)
  }
})

test('a passphrase seals for whoever has it', async () => {
  const sealed = await whole(
    await seal({ kind: 'passphrase', passphrase: 'correct horse' }, once(Buffer.from('plain'))),
  )
  const opened = await open({ kind: 'passphrase', passphrase: 'correct horse' }, once(sealed))
  assert.equal((await whole(opened)).toString(), 'plain')
  await assert.rejects(open({ kind: 'passphrase', passphrase: 'wrong' }, once(sealed)), { code: 'wrong-identity' })
})

test('a wrong identity, a flipped bit, a cut and a file that is no age file are told apart', async () => {
  const { identity, recipient } = await newIdentity()
  const other = await newIdentity()
  const sealed = await whole(await seal({ kind: 'recipients', recipients: [recipient] }, once(Buffer.alloc(200_000))))
  const opening = { kind: 'identities', identities: [identity] } as const
  await assert.rejects(open({ kind: 'identities', identities: [other.identity] }, once(sealed)), {
    code: 'wrong-identity',
  })
  for (const at of [30, 120, 300, 70_000, sealed.length - 1]) {
    const flipped = Buffer.from(sealed)
    flipped.writeUInt8((flipped[at] ?? 0) ^ 4, at)
    await assert.rejects(
      async () => whole(await open(opening, once(flipped))),
      (error) => error instanceof BackupError && ['archive-damaged', 'wrong-identity'].includes(error.code),
      String(at),
    )
  }
  for (const length of [0, 10, 150, 300, 65_736, 131_272, sealed.length - 1]) {
    await assert.rejects(
      async () => whole(await open(opening, once(sealed.subarray(0, length)))),
      isDamage,
      String(length),
    )
  }
  await assert.rejects(open(opening, once(Buffer.from('SQLite format 3\0'))), isDamage)
})

test('a source that fails is told as that', async () => {
  const { identity, recipient } = await newIdentity()
  const sealed = await whole(await seal({ kind: 'recipients', recipients: [recipient] }, once(Buffer.alloc(200_000))))
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield sealed.subarray(0, 100_000)
    throw new BackupError('unavailable', 'the disk is gone')
  }
  const opening = { kind: 'identities', identities: [identity] } as const
  await assert.rejects(async () => whole(await open(opening, failing())), { code: 'unavailable' })
})

test('what is no recipient and no identity is refused in words, and an identity is never repeated', async () => {
  for (const recipient of ['', 'age1', 'age1qqqq', 'ssh-ed25519 AAAA', 'AGE-SECRET-KEY-1ABC']) {
    await assert.rejects(seal({ kind: 'recipients', recipients: [recipient] }, once(Buffer.alloc(0))), {
      code: 'bad-recipient',
    })
  }
  await assert.rejects(seal({ kind: 'recipients', recipients: [] }, once(Buffer.alloc(0))), { code: 'bad-recipient' })
  assert.throws(
    () => readIdentities('# a comment\nAGE-SECRET-KEY-1SECRET\n'),
    (error) =>
      error instanceof BackupError &&
      error.code === 'bad-identity' &&
      !JSON.stringify(error).includes('1SECRET') &&
      !error.message.includes('SECRET-KEY-1S'),
  )
  assert.throws(() => readIdentities('# nothing\n'), { code: 'bad-identity' })
})

/** With its checksum made right. */
function signed(header: Buffer): Buffer {
  header.write('        ', 148, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

async function whole(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
