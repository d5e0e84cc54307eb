/** Performs what the witness machine says: brings to disk, keeps evidence, answers. Decides nothing. */

import type { Clock } from '@holdfast/base'
import { type Note, Witness, type WitnessAnswer, type WitnessOutput, formatAddCheckpoint } from '@holdfast/tlog'
import { type WitnessFolder, evidenceText } from './witness-folder.ts'
import type { WitnessKey } from './witness-key.ts'

export interface DeskParts {
  readonly folder: WitnessFolder
  readonly key: WitnessKey
  readonly clock: Clock
  /** Lines for whoever runs the witness. */
  readonly say: (line: string) => void
}

export class WitnessDesk {
  readonly #parts: DeskParts
  readonly #witness: Witness
  readonly #waiting = new Map<number, (answer: WitnessAnswer) => void>()
  /** One after the other, so that what came twice is kept once. */
  #keeping: Promise<void> = Promise.resolve()
  #lastId = 0

  /** @throws TlogError if what the folder has seen was not signed by its log and by this witness. */
  constructor(parts: DeskParts) {
    this.#parts = parts
    this.#witness = new Witness(parts.key.key, parts.key.sign)
    for (const { key, note } of parts.folder.logs) this.#witness.addLog(key, note)
  }

  get origins(): readonly string[] {
    return this.#witness.origins
  }

  /** The last checkpoint that was cosigned of a log. */
  latest(origin: string): Note | undefined {
    return this.#witness.witnessed(origin)?.note
  }

  addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      const now = this.#parts.clock.wall()
      this.#perform(this.#witness.handle({ kind: 'add-checkpoint', id, body, now }))
    })
  }

  /** Resolves when all evidence that there is was kept. */
  async settled(): Promise<void> {
    await this.#keeping
  }

  #perform(outputs: readonly WitnessOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'answer':
          this.#waiting.get(output.id)?.(output.answer)
          this.#waiting.delete(output.id)
          break
        case 'persist':
          void this.#persist(output)
          break
        case 'evidence':
          this.#keeping = this.#keeping.then(() => this.#keep(output))
      }
    }
  }

  async #persist({ id, origin, note }: WitnessOutput & { kind: 'persist' }): Promise<void> {
    const { folder, clock, say } = this.#parts
    let isOnDisk = true
    try {
      await folder.persist(origin, note)
    } catch (error) {
      isOnDisk = false
      say(`what was seen of ${origin} could not be written down, so it was not cosigned: ${messageOf(error)}`)
    }
    this.#perform(this.#witness.handle({ kind: 'persisted', id, isOnDisk, now: clock.wall() }))
  }

  async #keep({ origin, reason, request }: WitnessOutput & { kind: 'evidence' }): Promise<void> {
    const { folder, say } = this.#parts
    const what = REASONS[reason]
    try {
      const text = evidenceText(`${origin}: ${what}`, formatAddCheckpoint(request), this.latest(origin))
      const path = await folder.keepEvidence(text)
      if (path !== undefined) say(`${origin} contradicts itself: ${what}; both sides are kept in ${path}`)
    } catch (error) {
      say(`${origin} contradicts itself: ${what}; this could not be kept: ${messageOf(error)}`)
    }
  }
}

const REASONS: Readonly<Record<(WitnessOutput & { kind: 'evidence' })['reason'], string>> = {
  'other-root': 'it signed two roots for one size',
  'no-consistency': 'it signed a checkpoint and does not show that it still has what it signed before',
  'bad-empty-root': 'it signed a root of a log without entries that is none',
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
