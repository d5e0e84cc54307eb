/** Brings one checkpoint to one witness: C2SP tlog-witness, `add-checkpoint`, and what its answers mean. */

import { EgressFault } from '@holdfast/egress'
import {
  type CheckedSignature,
  type Hash,
  type Note,
  type VerifierKey,
  TlogError,
  checkSignatures,
  formatAddCheckpoint,
  parseSignatureLines,
} from '@holdfast/tlog'

/** What is to be cosigned. */
export interface Signed {
  readonly size: number
  /** With the log's signature. */
  readonly note: Note
}

export interface CallParts {
  /** Posts to the witness and gives its answer; rejects with EgressFault. */
  readonly post: (
    body: Uint8Array,
  ) => Promise<{ readonly status: number; readonly contentType?: string; readonly body: Uint8Array }>
  readonly key: VerifierKey
  /** From an earlier size of this log to the one that is to be cosigned. */
  readonly consistency: (oldSize: number, size: number) => Promise<readonly Hash[]>
}

export type CallOutcome =
  | { readonly kind: 'cosigned'; readonly signature: CheckedSignature }
  /** It does not know the log, or its key, or says what no witness says. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unreached'; readonly reason: string }
  /** What it saw is not what this log has: it was cut short, or rewritten, or copied and gone on with elsewhere. */
  | { readonly kind: 'forked'; readonly reason: string; readonly size: number }

/** A witness that names one size after the other must not keep us. */
const ATTEMPTS_MAX = 3

/**
 * @param knownSize what it saw last, as far as we know; it says so itself if that is wrong.
 * Rejects only when this log cannot be read.
 */
export async function callWitness(signed: Signed, knownSize: number, parts: CallParts): Promise<CallOutcome> {
  let oldSize = Math.min(knownSize, signed.size)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const proof = await parts.consistency(oldSize, signed.size)
    const body = formatAddCheckpoint({ oldSize, proof, note: signed.note })
    let answer: Awaited<ReturnType<CallParts['post']>>
    try {
      answer = await parts.post(Buffer.from(body))
    } catch (error) {
      if (error instanceof EgressFault) return { kind: 'unreached', reason: error.message }
      throw error
    }
    switch (answer.status) {
      case 200:
        return cosignatureIn(answer.body, signed.note, parts.key)
      case 409: {
        const seen = sizeIn(answer.body)
        if (seen === undefined || seen === oldSize) return { kind: 'refused', reason: 'it answered with no size' }
        if (seen > signed.size) {
          const reason = `it has cosigned ${seen} entries, and this log has signed ${signed.size}`
          return { kind: 'forked', reason, size: seen }
        }
        oldSize = seen
        break
      }
      case 422:
        return {
          kind: 'forked',
          reason: `what it saw of the first ${oldSize} entries is not what this log has now`,
          size: oldSize,
        }
      case 403:
        return { kind: 'refused', reason: 'it knows this log by another key' }
      case 404:
        return { kind: 'refused', reason: 'it does not know this log; give it the key that holdfast audit key prints' }
      case 429:
      case 503:
        return { kind: 'unreached', reason: 'it is too busy' }
      default:
        return { kind: 'refused', reason: `it answered with status ${answer.status}` }
    }
  }
  return { kind: 'unreached', reason: 'somebody else brings it checkpoints of this log at the same time' }
}

function cosignatureIn(body: Uint8Array, note: Note, key: VerifierKey): CallOutcome {
  try {
    const lines = parseSignatureLines(Buffer.from(body).toString('utf8'))
    const [signature] = checkSignatures({ text: note.text, signatures: lines }, [key])
    if (signature?.isGood === true) return { kind: 'cosigned', signature }
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
  }
  return { kind: 'refused', reason: 'what it answered is not signed by its key' }
}

function sizeIn(body: Uint8Array): number | undefined {
  const text = Buffer.from(body.subarray(0, 32)).toString('latin1')
  return /^(0|[1-9][0-9]{0,14})\n$/.test(text) ? Number(text) : undefined
}
