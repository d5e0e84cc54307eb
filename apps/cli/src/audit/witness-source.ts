/** The last checkpoint that a witness cosigned of a log (C2SP tlog-witness, "Monitor Retrieval Mechanism"). */

import { createHash } from 'node:crypto'
import { request } from 'node:https'
import { NOTE_BYTES_MAX, TlogError, VerifierKey, checkSignatures, parseNote } from '@holdfast/tlog'
import { readText } from '../address.ts'
import { Failure, wrongUse } from '../failure.ts'

/** How long a witness may take to answer, in milliseconds. */
const ANSWER_MS_MAX = 15_000

export interface WitnessAddress {
  readonly url: URL
  readonly key: VerifierKey
  /** PEM; undefined: the machine's. */
  readonly authorities: string | undefined
}

export interface WitnessOptions {
  readonly witness?: readonly string[]
  readonly witnessKey?: readonly string[]
  readonly witnessCa?: readonly string[]
}

/** Pairs the options, which are given once a witness, in the same order. */
export function readWitnesses({
  witness = [],
  witnessKey = [],
  witnessCa = [],
}: WitnessOptions): readonly WitnessAddress[] {
  if (witnessKey.length !== witness.length || (witnessCa.length !== 0 && witnessCa.length !== witness.length)) {
    throw wrongUse('each --witness URL takes a --witness-key VKEY, and either all or none a --witness-ca FILE')
  }
  return witness.map((text, at) => {
    const url = URL.parse(text)
    if (url === null || url.protocol !== 'https:' || url.username !== '' || url.search !== '') {
      throw wrongUse(`'${text}' is no address of a witness; give one like https://witness.example:8449`)
    }
    const file = witnessCa[at]
    return { url, key: readKey(witnessKey[at] ?? '', 'cosignature'), authorities: file && readText(file) }
  })
}

/** @throws Failure (wrong use) for what is no vkey of the kind. */
export function readKey(text: string, kind: VerifierKey['kind']): VerifierKey {
  try {
    const key = VerifierKey.parse(text.trim())
    if (key.kind === kind) return key
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
  }
  const where =
    kind === 'note' ? "'holdfast audit key' prints that of a log" : 'a witness prints its own when it starts'
  throw wrongUse(`'${text.slice(0, 120)}' is no such key; ${where}`)
}

/**
 * @returns the note, which the witness has cosigned; undefined if it never cosigned anything of this log.
 * @throws Failure when it cannot be reached, or answers with what it did not cosign.
 */
export async function checkpointOf(
  { url, key, authorities }: WitnessAddress,
  origin: string,
): Promise<Uint8Array | undefined> {
  const hash = createHash('sha256').update(origin).digest('hex')
  const { status, body } = await get(new URL(`${url.pathname.replace(/\/$/, '')}/${hash}/checkpoint`, url), authorities)
  if (status === 404) return undefined
  try {
    if (status !== 200) throw new TlogError('bad-note', `it answered with status ${status}`)
    const signatures = checkSignatures(parseNote(body), [key])
    if (signatures.length === 0 || !signatures.every(({ isGood }) => isGood)) {
      throw new TlogError('bad-signature', 'what it answered is not cosigned by its key')
    }
    return body
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw new Failure(`the witness at ${url.origin} cannot be believed: ${error.message}`, { code: 'bad-witness' })
  }
}

async function get(url: URL, authorities: string | undefined): Promise<{ status: number; body: Uint8Array }> {
  try {
    return await new Promise((resolve, reject) => {
      const call = request(
        url,
        {
          agent: false,
          minVersion: 'TLSv1.2',
          signal: AbortSignal.timeout(ANSWER_MS_MAX),
          ...(authorities !== undefined && { ca: authorities }),
        },
        (answer) => {
          const chunks: Buffer[] = []
          let bytes = 0
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes > NOTE_BYTES_MAX) answer.destroy(new Error('it answered with more than a checkpoint'))
            else chunks.push(chunk)
          })
          answer.once('error', reject)
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }))
        },
      )
      call.once('error', reject)
      call.end()
    })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure(`the witness at ${url.origin} cannot be reached: ${why}; check --witness and --witness-ca`, {
      code: 'witness-unreachable',
      cause: error,
    })
  }
}
