/** The reference values of a hub and the keys that may sign them. All are in memory, each verified as it was read. */

import type { KeyObject } from 'node:crypto'
import type { EventType, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { AttestationError } from './errors.ts'
import { DOCUMENTS_MAX, SIGNERS_MAX } from './limits.ts'
import { isReferenceName, readSignerKey, type ReferenceValues, verifyReferenceValues } from './reference-values.ts'
import type { AttestationStore, ReferenceSigner, StoredReferenceValues } from './store.ts'

export interface ReferencesParts {
  readonly store: AttestationStore
  readonly clock: Clock
  /** Reference values were taken away: what rests on them counts no more. MUST NOT throw. */
  readonly withdrawn: () => void
  /** Something in the store does not hold (a signature, a form); it is left out. MUST NOT throw. */
  readonly damaged: (what: string, error: unknown) => void
}

interface Signer extends ReferenceSigner {
  readonly key: KeyObject
}

export interface KnownReferenceValues extends Omit<StoredReferenceValues, 'document' | 'signature'> {
  readonly values: ReferenceValues
}

/** Changes take the `actor` for the event, resolve when they are durable, and are made one after the other. */
export class References {
  readonly #parts: ReferencesParts
  readonly #signers = new Map<string, Signer>()
  readonly #documents = new Map<string, KnownReferenceValues>()
  #denied: ReadonlyMap<string, string> | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(parts: ReferencesParts) {
    this.#parts = parts
  }

  static async open(parts: ReferencesParts): Promise<References> {
    const references = new References(parts)
    for (const signer of await parts.store.listReferenceSigners()) {
      try {
        references.#signers.set(signer.name, { ...signer, key: readSignerKey(signer.publicKey) })
      } catch (error) {
        parts.damaged(`the key of the signer ${signer.name}`, error)
      }
    }
    for (const { name, signer, document, signature, addedTime } of await parts.store.listReferenceValues()) {
      const key = references.#signers.get(signer)?.key
      try {
        if (key === undefined) throw new AttestationError('missing', 'its signer is not known')
        const values = verifyReferenceValues(document, signature, key)
        if (values.name !== name) throw new AttestationError('invalid', 'it is of another name')
        references.#documents.set(name, { name, signer, addedTime, values })
      } catch (error) {
        parts.damaged(`the reference values ${name}`, error)
      }
    }
    return references
  }

  signers(): readonly ReferenceSigner[] {
    return [...this.#signers.values()].map(({ name, publicKey, addedTime }) => ({ name, publicKey, addedTime }))
  }

  list(): readonly KnownReferenceValues[] {
    return [...this.#documents.values()]
  }

  /** Whether values of this name are there and not past their time. */
  isInForce(name: string): boolean {
    const document = this.#documents.get(name)
    return document !== undefined && this.#counts(document.values)
  }

  /** Those in force for a model; undefined is a device whose model is not known. */
  forModel(model: string | undefined): readonly ReferenceValues[] {
    const found: ReferenceValues[] = []
    for (const { values } of this.#documents.values()) {
      const isAbout = values.models === undefined || (model !== undefined && values.models.has(model))
      if (isAbout && this.#counts(values)) found.push(values)
    }
    return found
  }

  /** All that is denied, whatever model it was written for: what is bad is bad everywhere. */
  get denied(): ReadonlyMap<string, string> {
    this.#denied ??= new Map(
      [...this.#documents.values()].flatMap(({ values }) =>
        [...values.denied].map(([digest, reason]) => [digest, `${values.name}: ${reason}`] as const),
      ),
    )
    return this.#denied
  }

  /** @throws AttestationError `invalid`, `exists`, `too-many`. */
  addSigner(name: string, publicKey: string, actor: string): Promise<ReferenceSigner> {
    return this.#inTurn(async () => {
      if (!isReferenceName(name)) throw new AttestationError('invalid', 'a name is 1 to 128 of A-Z a-z 0-9 . _ -')
      const key = readSignerKey(publicKey)
      if (this.#signers.has(name))
        throw new AttestationError('exists', `there is a signer ${name} already; remove it first`)
      if (this.#signers.size >= SIGNERS_MAX)
        throw new AttestationError('too-many', `there are at most ${SIGNERS_MAX} signers`)
      const signer = { name, publicKey: String(key.export({ format: 'pem', type: 'spki' })), addedTime: this.#now() }
      const added = this.#event('reference-signer.added', `reference-signer/${name}`, actor, {})
      await this.#parts.store.writeReferenceSigner(signer, added)
      this.#signers.set(name, { ...signer, key })
      return signer
    })
  }

  /** Takes away all that it signed with it. @throws AttestationError `missing`. */
  removeSigner(name: string, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#signers.has(name)) throw new AttestationError('missing', `there is no signer ${name}`)
      const documents = [...this.#documents.values()].filter(({ signer }) => signer === name)
      const detail = { documents: documents.length }
      const removed = this.#event('reference-signer.removed', `reference-signer/${name}`, actor, detail)
      await this.#parts.store.deleteReferenceSigner(name, removed)
      this.#signers.delete(name)
      for (const document of documents) this.#documents.delete(document.name)
      this.#changed(documents.length > 0)
    })
  }

  /**
   * Adds a document, or replaces one of the same name by the same signer and a lower serial.
   * @throws AttestationError `bad-signature` if no signer that is known has signed it; `invalid`, `outdated`, `too-many`;
   *   `exists` if the document of that name is another signer's.
   */
  add(document: Uint8Array, signature: Uint8Array, actor: string): Promise<KnownReferenceValues> {
    return this.#inTurn(async () => {
      const { signer, values } = this.#verified(document, signature)
      const before = this.#documents.get(values.name)
      if (before !== undefined && before.signer !== signer) {
        throw new AttestationError('exists', `${values.name} is signed by ${before.signer}; remove it first`)
      }
      if (before !== undefined && before.values.serial >= values.serial) {
        throw new AttestationError('outdated', `${values.name} is there with serial ${before.values.serial} already`)
      }
      if (before === undefined && this.#documents.size >= DOCUMENTS_MAX) {
        throw new AttestationError('too-many', `there are at most ${DOCUMENTS_MAX} documents`)
      }
      const known = { name: values.name, signer, addedTime: this.#now(), values }
      await this.#parts.store.writeReferenceValues(
        { name: values.name, signer, document, signature, addedTime: known.addedTime },
        this.#event('reference-values.added', `reference-values/${values.name}`, actor, {
          serial: values.serial,
          signer,
        }),
      )
      this.#documents.set(values.name, known)
      this.#changed(false)
      return known
    })
  }

  /** @throws AttestationError `missing`. */
  remove(name: string, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#documents.get(name)
      if (before === undefined) throw new AttestationError('missing', `there are no reference values ${name}`)
      const detail = { serial: before.values.serial }
      const removed = this.#event('reference-values.removed', `reference-values/${name}`, actor, detail)
      await this.#parts.store.deleteReferenceValues(name, removed)
      this.#documents.delete(name)
      this.#changed(true)
    })
  }

  #verified(
    document: Uint8Array,
    signature: Uint8Array,
  ): { readonly signer: string; readonly values: ReferenceValues } {
    for (const { name, key } of this.#signers.values()) {
      try {
        return { signer: name, values: verifyReferenceValues(document, signature, key) }
      } catch (error) {
        if (!(error instanceof AttestationError) || error.code !== 'bad-signature') throw error
      }
    }
    throw new AttestationError('bad-signature', 'no signer that is known here has signed these bytes')
  }

  #counts({ notAfter }: ReferenceValues): boolean {
    return notAfter === undefined || this.#now() <= notAfter
  }

  #changed(isWithdrawn: boolean): void {
    this.#denied = undefined
    if (isWithdrawn) this.#parts.withdrawn()
  }

  #now(): ReturnType<Clock['wall']> {
    return this.#parts.clock.wall()
  }

  #event(type: EventType, subject: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#now(), subject, actor, detail }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}
