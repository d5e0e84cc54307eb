import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  type Note,
  Witness,
  type WitnessAnswer,
  type WitnessOutput,
  encodeNote,
  formatAddCheckpoint,
  openCheckpoint,
  parseSignatureLines,
} from './index.ts'
import { MemoryLog, testKey } from './testing/memory-log.ts'

const now = timestampOf(1_800_000_000_000)

function stage(): { log: MemoryLog; witness: Witness } {
  const log = new MemoryLog('log.example').append('a', 'b', 'c')
  const { key, sign } = testKey('witness.example', 'cosignature', 2)
  const witness = new Witness(key, sign)
  witness.addLog(log.key)
  return { log, witness }
}

function requestOf(log: MemoryLog, oldSize: number, note: Note = log.checkpoint()): Uint8Array {
  return new TextEncoder().encode(formatAddCheckpoint({ oldSize, proof: log.consistency(oldSize), note }))
}

/** One request, written down at once. */
function ask(witness: Witness, body: Uint8Array): { answer: WitnessAnswer; outputs: readonly WitnessOutput[] } {
  const outputs = [...witness.handle({ kind: 'add-checkpoint', id: 1, body, now })]
  if (outputs.some(({ kind }) => kind === 'persist')) {
    outputs.push(...witness.handle({ kind: 'persisted', id: 1, isOnDisk: true, now }))
  }
  const answers = outputs.flatMap((output) => (output.kind === 'answer' ? [output.answer] : []))
  const [answer] = answers
  assert.ok(answer !== undefined && answers.length === 1)
  return { answer, outputs }
}

test('a log that only grew is cosigned, also when nothing came', () => {
  const { log, witness } = stage()
  for (const entries of [[], ['d'], [], ['e', 'f', 'g', 'h', 'i']]) {
    const old = witness.witnessed(log.key.name)?.checkpoint.size ?? 0
    log.append(...entries)
    const note = log.checkpoint()
    const { answer } = ask(witness, requestOf(log, old))
    assert.equal(answer.status, 200)
    const cosigned = { ...note, signatures: [...note.signatures, ...parseSignatureLines(answer.body)] }
    const opened = openCheckpoint(encodeNote(cosigned), { log: log.key, witnesses: [witness.key] })
    assert.equal(opened.signatures.find(({ key }) => key === witness.key)?.at, now)
    assert.deepEqual(witness.witnessed(log.key.name)?.note, cosigned)
  }
})

test('404 for a log that is not known, 403 without its signature or with a wrong one', () => {
  const { log, witness } = stage()
  assert.equal(ask(witness, requestOf(new MemoryLog('other.example').append('a'), 0)).answer.status, 404)
  const impostor = new MemoryLog('log.example', 7).append('a', 'b', 'c')
  assert.equal(ask(witness, requestOf(impostor, 0)).answer.status, 403)
  const note = log.checkpoint()
  const wrong = { ...note, signatures: note.signatures.map((line) => ({ ...line, signature: new Uint8Array(64) })) }
  assert.equal(ask(witness, requestOf(log, 0, wrong)).answer.status, 403)
  const both = { ...note, signatures: [...note.signatures, ...wrong.signatures] }
  assert.equal(ask(witness, requestOf(log, 0, both)).answer.status, 403)
  assert.equal(witness.witnessed(log.key.name), undefined)
})

test('400 for what is no request, and for an old size beyond the new', () => {
  const { log, witness } = stage()
  for (const body of ['', 'old 0\n', 'old 00\n\nx', 'new 0\n\n', 'old 0\nx\n\n', `old 0\n${'\n'.repeat(3)}`]) {
    assert.equal(ask(witness, new TextEncoder().encode(body)).answer.status, 400)
  }
  const text = formatAddCheckpoint({ oldSize: 4, proof: [], note: log.checkpoint() })
  assert.equal(ask(witness, new TextEncoder().encode(text)).answer.status, 400)
  assert.equal(ask(witness, new Uint8Array(200_000)).answer.status, 400)
})

test('409 with the size that was seen last, when the old size is another', () => {
  const { log, witness } = stage()
  ask(witness, requestOf(log, 0))
  log.append('d')
  for (const old of [0, 1, 4]) {
    const { answer } = ask(witness, requestOf(log, old))
    assert.deepEqual(answer, { status: 409, contentType: 'text/x.tlog.size', body: '3\n' })
  }
})

test('422 and evidence for a log that was rewritten', () => {
  const { log, witness } = stage()
  ask(witness, requestOf(log, 0))
  for (const [fork, reason] of [
    [new MemoryLog('log.example').append('a', 'b', 'X'), 'other-root'],
    [new MemoryLog('log.example').append('a', 'X', 'c', 'd', 'e'), 'no-consistency'],
  ] as const) {
    const { answer, outputs } = ask(witness, requestOf(fork, 3))
    assert.equal(answer.status, 422)
    assert.deepEqual(
      outputs.flatMap((output) => (output.kind === 'evidence' ? [output.reason] : [])),
      [reason],
    )
  }
  assert.equal(witness.witnessed(log.key.name)?.checkpoint.size, 3)
  // The log itself goes on.
  log.append('d')
  assert.equal(ask(witness, requestOf(log, 3)).answer.status, 200)
})

test('422 for a proof where none is needed, and for an empty log with a root of its own', () => {
  const { log, witness } = stage()
  const hash = log.root()
  const proven = formatAddCheckpoint({ oldSize: 0, proof: [hash], note: log.checkpoint() })
  assert.equal(ask(witness, new TextEncoder().encode(proven)).answer.status, 422)
  assert.equal(ask(witness, requestOf(log, 0)).answer.status, 200)
})

test('requests of one log wait for each other, so that no two answers rest on the same past', () => {
  const { log, witness } = stage()
  const first = requestOf(log, 0)
  log.append('d')
  const second = requestOf(log, 0)
  const begun = witness.handle({ kind: 'add-checkpoint', id: 1, body: first, now })
  assert.deepEqual(
    begun.map(({ kind }) => kind),
    ['persist'],
  )
  assert.deepEqual(witness.handle({ kind: 'add-checkpoint', id: 2, body: second, now }), [])
  const ended = witness.handle({ kind: 'persisted', id: 1, isOnDisk: true, now })
  assert.deepEqual(
    ended.map((output) => (output.kind === 'answer' ? [output.id, output.answer.status] : output.kind)),
    [
      [1, 200],
      [2, 409],
    ],
  )
  assert.throws(() => witness.handle({ kind: 'persisted', id: 1, isOnDisk: true, now }), TypeError)
})

test('what could not be written down was not seen', () => {
  const { log, witness } = stage()
  witness.handle({ kind: 'add-checkpoint', id: 1, body: requestOf(log, 0), now })
  const outputs = witness.handle({ kind: 'persisted', id: 1, isOnDisk: false, now })
  assert.ok(outputs[0]?.kind === 'answer' && outputs[0].answer.status === 503)
  assert.equal(witness.witnessed(log.key.name), undefined)
  assert.equal(ask(witness, requestOf(log, 0)).answer.status, 200)
})

test('those who wait are bounded', () => {
  const { log, witness } = stage()
  const body = requestOf(log, 0)
  for (let id = 1; id <= 65; id += 1) witness.handle({ kind: 'add-checkpoint', id, body, now })
  const [output] = witness.handle({ kind: 'add-checkpoint', id: 66, body, now })
  assert.ok(output?.kind === 'answer' && output.answer.status === 503)
})

test('a witness goes on from what it wrote down, and from nothing else', () => {
  const { log, witness } = stage()
  ask(witness, requestOf(log, 0))
  const last = witness.witnessed(log.key.name)?.note
  assert.ok(last !== undefined)
  const { key, sign } = testKey('witness.example', 'cosignature', 2)
  const again = new Witness(key, sign)
  again.addLog(log.key, last)
  assert.equal(again.witnessed(log.key.name)?.checkpoint.size, 3)
  assert.throws(() => new Witness(key, sign).addLog(log.key, log.checkpoint()), { code: 'no-known-signature' })
  const stranger = testKey('witness.example', 'cosignature', 3)
  assert.throws(() => new Witness(stranger.key, stranger.sign).addLog(log.key, last), { code: 'no-known-signature' })
  assert.throws(() => again.addLog(log.key), TypeError)
})
