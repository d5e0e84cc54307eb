import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  TlogError,
  VerifierKey,
  checkSignatures,
  cosignText,
  encodeBase64,
  encodeNote,
  formatCheckpoint,
  formatNote,
  formatTlogProof,
  openCheckpoint,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  parseSignatureLines,
  parseTlogProof,
  formatAddCheckpoint,
  signText,
  verifySignatures,
} from './index.ts'
import { MemoryLog, testKey } from './testing/memory-log.ts'

interface NoteVector {
  readonly name: string
  readonly keys: readonly string[]
  readonly note: string
  readonly text: string
  readonly checkpoint?: { readonly origin: string; readonly size: number; readonly root: string }
}

const vectors = JSON.parse(readFileSync(new URL('../../../testing/vectors/tlog.json', import.meta.url), 'utf8')) as {
  readonly notes: readonly NoteVector[]
  readonly unsignedNotes: readonly Omit<NoteVector, 'keys'>[]
  readonly witnessRequest: {
    readonly body: string
    readonly oldSize: number
    readonly size: number
    readonly hashes: number
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

for (const vector of vectors.notes) {
  test(`a note of others verifies: ${vector.name}`, () => {
    const keys = vector.keys.map(VerifierKey.parse)
    assert.deepEqual(keys.map(String), vector.keys)
    const note = parseNote(bytes(vector.note))
    assert.equal(note.text, vector.text)
    assert.equal(formatNote(note), vector.note)
    assert.equal(verifySignatures(note, keys).length, keys.length)
    const [first] = keys
    assert.ok(first !== undefined)
    const other = { ...note, text: note.text.replace(/[a-z]/, 'X') }
    assert.throws(() => verifySignatures(other, [first]), { code: 'bad-signature' })
    assert.throws(() => verifySignatures(note, [testKey('x.example', 'note', 9).key]), { code: 'no-known-signature' })
    if (vector.checkpoint !== undefined) {
      const opened = openCheckpoint(bytes(vector.note), { log: first, witnesses: keys.slice(1) })
      assert.equal(opened.origin, vector.checkpoint.origin)
      assert.equal(opened.size, vector.checkpoint.size)
      assert.equal(encodeBase64(opened.root), vector.checkpoint.root)
      for (const { key, at } of opened.signatures) {
        assert.equal(at === undefined, key.kind === 'note')
        if (at !== undefined) assert.equal(new Date(at).toISOString(), '2026-05-23T21:50:24.000Z')
      }
    }
  })
}

for (const { name, note, text } of vectors.unsignedNotes) {
  test(`a note of others is read and written: ${name}`, () => {
    const parsed = parseNote(bytes(note))
    assert.equal(parsed.text, text)
    assert.equal(formatNote(parsed), note)
  })
}

test('the request of tlog-witness is read and written', () => {
  const { body, oldSize, size, hashes } = vectors.witnessRequest
  const request = parseAddCheckpoint(bytes(body))
  assert.equal(request.oldSize, oldSize)
  assert.equal(request.checkpoint.size, size)
  assert.equal(request.proof.length, hashes)
  assert.equal(formatAddCheckpoint(request), body)
})

test('what is no note is refused', () => {
  const line = '— a.example AAAAAAA=\n'
  for (const note of [
    '',
    'text\n',
    `text\n${line}`,
    `text\n\n`,
    `text\n\n— a.example AAAAAAA=`,
    `text\n\n-- a.example AAAAAAA=\n`,
    `text\n\n— a.example  AAAAAAA=\n`,
    `text\n\n— a.example AAAAAAA= x\n`,
    `text\n\n— a.example AAAA\n`,
    `text\n\n— a.example AAAAAAB=\n`,
    `text\n\n— a.example AAAAAAA\n`,
    `text\n\n— a+b AAAAAAA=\n`,
    `text\n\n— a\u00a0b AAAAAAA=\n`,
    `text\n\n— a\u0085b AAAAAAA=\n`,
    `te\u0000xt\n\n${line}`,
    `te\txt\n\n${line}`,
    `text\r\n\n${line}`,
    `text\n\n${line.repeat(65)}`,
    `${'x'.repeat(200_000)}\n\n${line}`,
  ]) {
    assert.throws(() => parseNote(bytes(note)), { code: 'bad-note' }, JSON.stringify(note.slice(0, 60)))
  }
  assert.throws(() => parseNote(Uint8Array.of(0xff, 0x0a, 0x0a)), { code: 'bad-note' })
  assert.throws(() => parseSignatureLines(''), { code: 'bad-note' })
  assert.equal(parseNote(bytes(`text\n\n${line.repeat(64)}`)).signatures.length, 64)
  assert.throws(() => formatNote({ text: 'no newline', signatures: [] }), TypeError)
})

test('what is no key is refused', () => {
  const good = vectors.notes[0]?.keys[0] ?? ''
  for (const key of [
    '',
    'x',
    good.replace('530d903a', '530d903b'),
    good.replace('530d903a', '530D903A'),
    good.replace('example.com/foo', 'example.com/fo'),
    good.replace('+Aek', '+Bek'),
    good.replace('+Aek', '+Zek'),
    good.slice(0, -4),
    `${good}=`,
    ` ${good}`,
    `${'x'.repeat(256)}${good}`,
  ]) {
    assert.throws(() => VerifierKey.parse(key), { code: 'bad-key' }, key)
  }
})

test('a signature of a known key that is wrong spoils the note, one of an unknown key means nothing', () => {
  const log = new MemoryLog('log.example').append('a')
  const witness = testKey('witness.example', 'cosignature', 2)
  const note = log.checkpoint()
  const line = cosignText(note.text, witness.key, { sign: witness.sign, at: timestampOf(1_700_000_000_999) })
  const cosigned = { ...note, signatures: [...note.signatures, line] }
  const opened = openCheckpoint(encodeNote(cosigned), { log: log.key, witnesses: [witness.key] })
  assert.deepEqual(
    opened.signatures.map(({ at }) => at),
    [undefined, 1_700_000_000_000],
  )
  // Another time in the line is another message.
  const late = Uint8Array.from(line.signature)
  late[7] = (late[7] ?? 0) ^ 1
  const forged = { ...note, signatures: [...note.signatures, { ...line, signature: late }] }
  assert.throws(() => openCheckpoint(encodeNote(forged), { log: log.key, witnesses: [witness.key] }), {
    code: 'bad-signature',
  })
  assert.equal(openCheckpoint(encodeNote(forged), { log: log.key }).size, 1)
  assert.deepEqual(
    checkSignatures(forged, [log.key, witness.key]).map(({ isGood }) => isGood),
    [true, false],
  )
  // A witness alone is no log.
  assert.throws(
    () => openCheckpoint(encodeNote({ ...note, signatures: [line] }), { log: log.key, witnesses: [witness.key] }),
    { code: 'no-known-signature' },
  )
  assert.throws(() => signText(note.text, log.key, testKey('x', 'note', 5).sign), TypeError)
  assert.throws(() => signText(note.text, witness.key, witness.sign), TypeError)
})

test('what is no checkpoint is refused', () => {
  const root = encodeBase64(new Uint8Array(32))
  assert.deepEqual(parseCheckpoint(`o\n0\n${root}\nx\ny\n`).extensions, ['x', 'y'])
  for (const text of [
    '',
    'o\n0\n',
    `o\n0\n${root}`,
    `\n0\n${root}\n`,
    `o\n00\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n1e3\n${root}\n`,
    `o\n9007199254740992\n${root}\n`,
    `o\n0\n${root.slice(1)}\n`,
    `o\n0\n${root}\n\n`,
    `o\n0\n${root}\n${'x\n'.repeat(17)}`,
    `${'o'.repeat(256)}\n0\n${root}\n`,
  ]) {
    assert.throws(() => parseCheckpoint(text), { code: 'bad-checkpoint' }, JSON.stringify(text.slice(0, 60)))
  }
  assert.throws(
    () => formatCheckpoint({ origin: 'a\nb', size: 0, root: new Uint8Array(32), extensions: [] }),
    TypeError,
  )
})

test('a proof that stands by itself is read back; what is none is refused', () => {
  const log = new MemoryLog('log.example').append('a', 'b', 'c')
  for (const extra of [undefined, bytes('b')]) {
    const proof = { index: 1, proof: log.inclusion(1), note: log.checkpoint(), ...(extra !== undefined && { extra }) }
    const text = formatTlogProof(proof)
    const parsed = parseTlogProof(bytes(text))
    assert.equal(formatTlogProof(parsed), text)
    assert.equal(parsed.index, 1)
    assert.deepEqual(parsed.proof.map(encodeBase64), proof.proof.map(encodeBase64))
    assert.deepEqual(parsed.extra, extra)
    for (const [from, to] of [
      ['@v1', '@v2'],
      ['index 1', 'index 01'],
      ['index 1', 'at 1'],
      ['\n\n', '\nx\n\n'],
    ] as const) {
      assert.throws(() => parseTlogProof(bytes(text.replace(from, to))), TlogError)
    }
  }
})
