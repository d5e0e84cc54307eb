/**
 * A witness: C2SP tlog-witness. Cosigns a checkpoint of a log that it knows if the log only grew since the last one, and
 * never two that contradict each other. What it has seen is written down before it answers, one request of a log at a time,
 * so that no two answers can rest on the same past.
 */

import type { Timestamp } from '@holdfast/base'
import { assertNever } from '@holdfast/base'
import type { Checkpoint } from './checkpoint.ts'
import { openCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { TlogError } from './errors.ts'
import { WITNESS_QUEUE_MAX } from './limits.ts'
import type { Note, SignatureLine } from './note.ts'
import { encodeNote, formatSignatureLine } from './note.ts'
import { isRootOf, verifyConsistency } from './proof-verification.ts'
import type { SignBytes } from './signature.ts'
import { checkSignatures, cosignText } from './signature.ts'
import type { VerifierKey } from './verifier-key.ts'
import type { AddCheckpoint } from './witness-request.ts'
import { parseAddCheckpoint } from './witness-request.ts'

/** What is known of one log: the last checkpoint, with the log's signatures and ours. */
export interface Witnessed {
  readonly checkpoint: Checkpoint
  readonly note: Note
}

export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422 | 503
  readonly contentType: 'text/plain; charset=utf-8' | 'text/x.tlog.size'
  readonly body: string
}

export type WitnessInput =
  /** `id` names the request in outputs; any that is not under way. */
  | { readonly kind: 'add-checkpoint'; readonly id: number; readonly body: Uint8Array; readonly now: Timestamp }
  /** Answers `persist`: it is on disk, or could not be brought there. */
  | { readonly kind: 'persisted'; readonly id: number; readonly isOnDisk: boolean; readonly now: Timestamp }

export type WitnessOutput =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: WitnessAnswer }
  /** To be brought to disk before anything else is answered for this log. */
  | { readonly kind: 'persist'; readonly id: number; readonly origin: string; readonly note: Note }
  /** Signed by the log, and in contradiction to what it signed before: to be kept. */
  | {
      readonly kind: 'evidence'
      readonly origin: string
      readonly reason: Contradiction
      readonly request: AddCheckpoint
    }

/** `other-root`: two roots for one size. `no-consistency`: no proof that what was seen is still there. */
export type Contradiction = 'other-root' | 'no-consistency' | 'bad-empty-root'

interface Waiting {
  readonly id: number
  readonly body: Uint8Array
}

interface Log {
  readonly key: VerifierKey
  witnessed: Witnessed | undefined
  /** The request that is being written down. */
  busy: { readonly id: number; readonly note: Note; readonly line: SignatureLine } | undefined
  readonly waiting: Waiting[]
}

export class Witness {
  readonly key: VerifierKey
  readonly #sign: SignBytes
  readonly #logs = new Map<string, Log>()

  /** @param key for cosignatures. @param sign with its private half. */
  constructor(key: VerifierKey, sign: SignBytes) {
    if (key.kind !== 'cosignature') throw new TypeError('a witness signs with a key for cosignatures')
    this.key = key
    this.#sign = sign
  }

  /**
   * Knows a log from now on; its origin is the name of its key.
   * @param last what was written down of it, `undefined` if it was never seen.
   * @throws TlogError if what was written down was not signed by the log and by us: it must not be gone on from.
   * @throws TypeError on a second key for one origin.
   */
  addLog(key: VerifierKey, last?: Note): void {
    if (key.kind !== 'note') throw new TypeError('a log signs with a key for notes')
    if (this.#logs.has(key.name)) throw new TypeError('a log is known by one key')
    let witnessed: Witnessed | undefined
    if (last !== undefined) {
      const opened = openCheckpoint(encodeNote(last), { log: key, witnesses: [this.key] })
      const isOurs = opened.origin === key.name && opened.signatures.some((signature) => signature.key === this.key)
      if (!isOurs) throw new TlogError('no-known-signature', 'this checkpoint was not cosigned by this witness')
      witnessed = { checkpoint: opened, note: last }
    }
    this.#logs.set(key.name, { key, witnessed, busy: undefined, waiting: [] })
  }

  /** What was seen last of a log. */
  witnessed(origin: string): Witnessed | undefined {
    return this.#logs.get(origin)?.witnessed
  }

  get origins(): readonly string[] {
    return [...this.#logs.keys()]
  }

  /** Takes one input and returns what is to be done, in order. @throws TypeError on a `persisted` nobody waits for. */
  handle(input: WitnessInput): readonly WitnessOutput[] {
    switch (input.kind) {
      case 'add-checkpoint':
        return this.#onRequest(input, input.now)
      case 'persisted':
        return this.#onPersisted(input)
      default:
        return assertNever(input)
    }
  }

  #onRequest(waiting: Waiting, now: Timestamp): readonly WitnessOutput[] {
    const { id, body } = waiting
    let request: ReturnType<typeof parseAddCheckpoint>
    try {
      request = parseAddCheckpoint(body)
    } catch (error) {
      if (error instanceof TlogError) return [refuse(id, 400, error.message)]
      throw error
    }
    const { checkpoint, note } = request
    const log = this.#logs.get(checkpoint.origin)
    if (log === undefined) return [refuse(id, 404, 'this log is not known here')]
    const signatures = checkSignatures(note, [log.key])
    if (signatures.length === 0) return [refuse(id, 403, 'the log did not sign this')]
    if (!signatures.every(({ isGood }) => isGood)) return [refuse(id, 403, 'the signature of the log is wrong')]
    if (request.oldSize > checkpoint.size) return [refuse(id, 400, 'the old size is larger than the new')]
    if (log.busy !== undefined) {
      if (log.waiting.length >= WITNESS_QUEUE_MAX) return [refuse(id, 503, 'too many requests at once')]
      log.waiting.push({ id, body: Uint8Array.from(body) })
      return []
    }
    const lastSize = log.witnessed?.checkpoint.size ?? 0
    if (request.oldSize !== lastSize) return [conflict(id, lastSize)]
    const contradiction = contradictionOf(request, log.witnessed?.checkpoint)
    if (contradiction !== undefined) {
      return [
        { kind: 'evidence', origin: checkpoint.origin, reason: contradiction, request },
        refuse(id, 422, REASONS[contradiction]),
      ]
    }
    const line = cosignText(note.text, this.key, { sign: this.#sign, at: now })
    // The log's own lines and ours are kept: whoever asks gets what was verified, and nothing that came along.
    const kept: Note = { text: note.text, signatures: [...signatures.map((signature) => signature.line), line] }
    log.busy = { id, note: kept, line }
    return [{ kind: 'persist', id, origin: checkpoint.origin, note: kept }]
  }

  #onPersisted(input: WitnessInput & { kind: 'persisted' }): readonly WitnessOutput[] {
    const log = [...this.#logs.values()].find(({ busy }) => busy?.id === input.id)
    if (log?.busy === undefined) throw new TypeError('nothing of this request is being written down')
    const { id, note, line } = log.busy
    log.busy = undefined
    const outputs: WitnessOutput[] = []
    if (input.isOnDisk) {
      log.witnessed = { checkpoint: parseCheckpoint(note.text), note }
      outputs.push({ kind: 'answer', id, answer: text(200, formatSignatureLine(line)) })
    } else {
      outputs.push(refuse(id, 503, 'this could not be written down'))
    }
    while (log.busy === undefined) {
      const next = log.waiting.shift()
      if (next === undefined) break
      outputs.push(...this.#onRequest(next, input.now))
    }
    return outputs
  }
}

function contradictionOf(
  { checkpoint, oldSize, proof }: AddCheckpoint & { readonly checkpoint: Checkpoint },
  last: Checkpoint | undefined,
): Contradiction | undefined {
  if (!isRootOf(checkpoint.size, checkpoint.root)) return 'bad-empty-root'
  // The empty tree is consistent with every other, so no proof is needed, and none is allowed.
  if (last === undefined || oldSize === 0) return proof.length === 0 ? undefined : 'no-consistency'
  const isConsistent = verifyConsistency({
    oldSize,
    oldRoot: last.root,
    size: checkpoint.size,
    root: checkpoint.root,
    proof,
  })
  if (isConsistent) return undefined
  return checkpoint.size === last.size && proof.length === 0 ? 'other-root' : 'no-consistency'
}

const REASONS: Readonly<Record<Contradiction, string>> = {
  'other-root': 'another root was seen for this size',
  'no-consistency': 'the proof does not show that this log still has what was seen of it',
  'bad-empty-root': 'a log without entries has another root',
}

function refuse(id: number, status: WitnessAnswer['status'], reason: string): WitnessOutput {
  return { kind: 'answer', id, answer: text(status, `${reason}\n`) }
}

function conflict(id: number, size: number): WitnessOutput {
  return { kind: 'answer', id, answer: { status: 409, contentType: 'text/x.tlog.size', body: `${size}\n` } }
}

function text(status: WitnessAnswer['status'], body: string): WitnessAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}
