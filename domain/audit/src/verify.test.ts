import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { type VerifierKey, cosignText, encodeNote, parseNote, formatNote } from '@holdfast/tlog'
import { testKey } from '@holdfast/tlog/testing'
import { formatFinding } from './verify-finding.ts'
import { BundleVerifier, type Verdict, type VerifyOptions } from './verify.ts'
import { TestBundle } from './testing/test-bundle.ts'

function verify(lines: readonly string[], options: VerifyOptions = {}): Verdict {
  const verifier = new BundleVerifier(options)
  for (const line of lines) verifier.push(line.trimEnd())
  return verifier.end()
}

function told(verdict: Verdict): readonly string[] {
  assert.equal(verdict.isGood, verdict.findings.length === 0)
  return verdict.findings.map((finding) => `${finding.kind} ${formatFinding(finding)}`)
}

const SIZES = [0, 1, 2, 255, 256, 257, 600] as const

for (const size of SIZES) {
  test(`a log of ${size} entries verifies, whatever checkpoints were kept`, () => {
    const bundle = new TestBundle(size, { checkpoints: [1, 100, 256, 300, size] })
    const verdict = verify(bundle.lines())
    assert.deepEqual(told(verdict), [])
    assert.equal(verdict.entries, size)
    assert.equal(verdict.signedEntries, size)
    assert.deepEqual(verdict.bodies, { checked: size, shredded: 0, withheld: 0 })
    assert.deepEqual(told(verify(bundle.lines(), { key: bundle.log.key })), [])
  })
}

test('a body that was altered is named', () => {
  const bundle = new TestBundle(300)
  bundle.changeEntry(41, (entry) => ({ ...entry, body: entry.body.replace('pump-41', 'pump-99') }))
  assert.deepEqual(told(verify(bundle.lines())), [
    'body entry 41 was altered in its body: it is not the body that its leaf commits to',
  ])
  bundle.changeEntry(12, (entry) => ({ ...entry, content: 'unreadable' }))
  assert.match(told(verify(bundle.lines()))[0] ?? '', /^body entry 12 /)
})

test('a body that was destroyed leaves the proofs as they were', () => {
  const bundle = new TestBundle(10)
  bundle.changeEntry(4, (entry) => ({ ...entry, content: 'shredded' }))
  const verdict = verify(bundle.lines())
  assert.ok(verdict.isGood)
  assert.deepEqual(verdict.bodies, { checked: 9, shredded: 1, withheld: 0 })
})

test('a leaf that was altered is named, and so is each of several', () => {
  const bundle = new TestBundle(600)
  for (const at of [17, 300])
    bundle.changeEntry(at, (entry) => ({ ...entry, leaf: entry.leaf.replace('created', 'deleted') }))
  assert.deepEqual(told(verify(bundle.lines())), [
    'altered entry 17 was altered: its hash is not the one in its tile, which is what was signed',
    'altered entry 300 was altered: its hash is not the one in its tile, which is what was signed',
  ])
})

test('a hash in a tile that was altered is told apart from its entry', () => {
  const bundle = new TestBundle(600)
  bundle.changeTile(0, 1, (hashes) => flip(hashes, 5 * 32))
  assert.deepEqual(told(verify(bundle.lines())), [
    'tile entry 261 is as it was signed, but its place in the tree was altered: its tile has another hash, and the signed root has that of the entry',
  ])
})

test('a hash in an upper tile that was altered is named by what it covers', () => {
  const bundle = new TestBundle(600)
  bundle.changeTile(1, 0, (hashes) => flip(hashes, 32))
  assert.match(told(verify(bundle.lines())).join(), /^tile the tree over entries 256 to 511 was altered/)
})

test('an entry that is missing is named, with those that follow it', () => {
  const bundle = new TestBundle(600)
  bundle.removeEntries(5, 5)
  assert.deepEqual(told(verify(bundle.lines())), ['missing entry 5 is missing: entry 6 follows on entry 4'])
  bundle.removeEntries(250, 520)
  assert.deepEqual(told(verify(bundle.lines())), [
    'missing entry 5 is missing: entry 6 follows on entry 4',
    'missing entries 250 to 520 are missing: entry 521 follows on entry 249',
  ])
})

test('two entries that were swapped are named, the first first', () => {
  const bundle = new TestBundle(300)
  bundle.swapEntries(20, 270)
  assert.deepEqual(told(verify(bundle.lines())), [
    'reordered entry 20 is out of place: what stands there says that it is entry 270',
    'reordered entry 270 is out of place: what stands there says that it is entry 20',
  ])
})

test('two entries that were swapped with their indexes put right are named as what they are', () => {
  for (const [size, a, b] of [
    [600, 20, 270],
    [300, 260, 261],
  ] as const) {
    const bundle = new TestBundle(size)
    bundle.swapEntries(a, b)
    for (const [at, from] of [
      [a, b],
      [b, a],
    ] as const) {
      bundle.changeEntry(at, (entry) => ({ ...entry, leaf: entry.leaf.replace(`"n":${from},`, `"n":${at},`) }))
    }
    // As where the hashes of the right edge stand beside the entries, and were swapped with them.
    if (size === 300) {
      bundle.changeTile(0, 1, (hashes) => {
        const swapped = Uint8Array.from(hashes)
        swapped.set(hashes.subarray(5 * 32, 6 * 32), 4 * 32)
        swapped.set(hashes.subarray(4 * 32, 5 * 32), 5 * 32)
        return swapped
      })
    }
    assert.deepEqual(told(verify(bundle.lines())), [
      `reordered entry ${a} is out of place: what stands there is entry ${b}`,
      `reordered entry ${b} is out of place: what stands there is entry ${a}`,
    ])
  }
})

test('an entry that comes again is named', () => {
  const bundle = new TestBundle(9)
  const lines = [...bundle.lines()]
  const at = lines.findIndex((line) => line.includes('"index":6'))
  lines.splice(at + 1, 0, lines[at] ?? '')
  assert.match(told(verify(lines))[0] ?? '', /^reordered entry 6 is out of place: it comes again/)
})

test('a log that lost its end contradicts its own checkpoint', () => {
  const bundle = new TestBundle(300)
  bundle.truncate(280)
  assert.deepEqual(told(verify(bundle.lines())), [
    'truncated entries 280 to 299 are missing: a checkpoint that the log kept is signed for 300 entries',
  ])
})

test('a log that lost its end and its checkpoints contradicts a checkpoint that was kept elsewhere, and nothing else', () => {
  const bundle = new TestBundle(300)
  const foreign = [{ source: 'the file a', note: encodeNote(bundle.log.checkpoint(300)) }]
  const shorter = new TestBundle(280)
  assert.ok(verify(shorter.lines()).isGood)
  assert.deepEqual(told(verify(shorter.lines(), { foreign })), [
    'truncated entries 280 to 299 are missing: the checkpoint of the file a is signed for 300 entries',
  ])
})

test('a log that was rewritten whole is narrowed to what lies between two checkpoints', () => {
  const bundle = new TestBundle(600, { checkpoints: [100, 200, 300, 600], rewriteFrom: 250, keepsCheckpoints: true })
  assert.deepEqual(told(verify(bundle.lines())), [
    'rewritten an entry from 200 to 299 was altered: the root over 300 entries is not what the checkpoint of 300 was signed for, and of 200 entries it is right',
  ])
})

test('a log that was rewritten and signed anew contradicts checkpoints that others kept', () => {
  const good = new TestBundle(600)
  const rewritten = new TestBundle(600, { rewriteFrom: 250 })
  assert.ok(verify(rewritten.lines()).isGood)
  const foreign = [200, 300].map((size) => ({
    source: `the file ${size}`,
    note: encodeNote(good.log.checkpoint(size)),
  }))
  assert.deepEqual(told(verify(rewritten.lines(), { foreign })), [
    'forked the log has two histories, which part from 200 to 299: the checkpoint of the file 300, signed by this log for 300 entries, has another root',
  ])
})

test('two checkpoints from elsewhere that contradict each other are a fork', () => {
  const a = new TestBundle(300)
  const b = new TestBundle(300, { rewriteFrom: 299 })
  const foreign = [
    { source: 'witness a', note: encodeNote(a.log.checkpoint()) },
    { source: 'witness b', note: encodeNote(b.log.checkpoint()) },
  ]
  const findings = told(verify(a.lines(), { foreign }))
  assert.equal(
    findings[0],
    'forked the log signed two histories of 300 entries: one for witness a, another for witness b',
  )
  assert.match(findings[1] ?? '', /^forked the log has two histories, which part from 300? ?to|^forked/)
})

test('a checkpoint that the log did not sign is told, the log itself holds', () => {
  const bundle = new TestBundle(30)
  const stranger = new TestBundle(30, { seed: 9 })
  const foreign = [{ source: 'the file x', note: encodeNote(stranger.log.checkpoint()) }]
  assert.match(told(verify(bundle.lines(), { foreign })).join(), /^signature the checkpoint of the file x is not one/)
  assert.match(told(verify(bundle.lines(), { key: stranger.log.key })).join(), /^key the log says that its key is/)
})

test('a checkpoint whose signature was altered is told', () => {
  const bundle = new TestBundle(30)
  const lines = bundle.lines().map((line) => {
    if (!line.includes('"checkpoint"')) return line
    const { kind, note } = JSON.parse(line) as { kind: string; note: string }
    const parsed = parseNote(Buffer.from(note))
    const signatures = parsed.signatures.map((one) => ({ ...one, signature: flip(one.signature, 3) }))
    return JSON.stringify({ kind, note: formatNote({ ...parsed, signatures }) })
  })
  assert.match(told(verify(lines)).join(), /^signature the checkpoint of 30 entries that the log kept does not hold/)
})

test('cosignatures of known witnesses are told with their time; one that does not hold is a finding', () => {
  const witness = testKey('w.example', 'cosignature', 4)
  const bundle = new TestBundle(30)
  const at = timestampOf(1_800_000_000_000)
  bundle.cosign((note) => cosignText(note.text, witness.key, { sign: witness.sign, at }))
  const witnesses: readonly VerifierKey[] = [witness.key]
  assert.deepEqual(verify(bundle.lines(), { witnesses }).cosignatures, [{ witness: 'w.example', size: 30, at }])
  bundle.cosign((note) => {
    const line = cosignText(note.text, witness.key, { sign: witness.sign, at })
    return { ...line, signature: flip(line.signature, 20) }
  })
  assert.match(told(verify(bundle.lines(), { witnesses })).join(), /^cosignature the cosignature of w.example for 30/)
  assert.deepEqual(verify(bundle.lines()).cosignatures, [])
})

test('what is no bundle, or not all of one, is told', () => {
  const lines = new TestBundle(30).lines()
  assert.match(told(verify([])).join(), /there is no bundle/)
  assert.match(told(verify(['x'])).join(), /is no line of a bundle/)
  assert.match(told(verify(lines.slice(1))).join(), /has no beginning/)
  assert.match(told(verify(lines.slice(0, -1))).join(), /was broken off/)
  assert.match(told(verify([...lines, ...lines])).join(), /begins twice/)
  const far = lines.map((line) => line.replace('"index":29', '"index":9007199254740991'))
  assert.match(told(verify(far)).join(), /missing entries 29 to 9007199254740990 are missing/)
})

test('every byte of a bundle counts: one changed is found, or was never read', () => {
  const bundle = new TestBundle(40, { checkpoints: [7, 40] })
  const text = bundle.lines().join('')
  for (let at = 0; at < text.length; at += 7) {
    const changed = text.slice(0, at) + (text[at] === '5' ? '6' : '5') + text.slice(at + 1)
    const verdict = verify(changed.split('\n'), { key: bundle.log.key })
    assert.ok(!verdict.isGood, `at ${at}: ${text.slice(at - 20, at + 20)}`)
  }
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
