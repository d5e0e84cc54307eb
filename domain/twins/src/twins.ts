/** The twins of devices and modules: every change of one after its making passes through here. */

import { assertNever, type Clock } from '@holdfast/base'
import { type IdentityKey, identitySubject, type RandomBytes } from '@holdfast/identity'
import { type ServiceTwinChange, TWIN_PROPERTIES_MAX, type Twin } from '@holdfast/iothub'
import { TwinError } from './errors.ts'
import { SECTION_BYTES_MAX, type TwinChange } from './twin-change.ts'
import type { TwinStore } from './twin-store.ts'

/** Bytes of randomness in an ETag: one of a deleted twin does not fit the next of that name. */
const ETAG_BYTES = 8

/** The desired properties of `key` were written. */
export interface DesiredChange {
  readonly key: IdentityKey
  /** JSON text, to be merged: as it was written, or all of a replacement with nulls for what it took away. */
  readonly patch: string
  /** Of the section after the write. */
  readonly version: number
}

export interface TwinsParts {
  readonly store: TwinStore
  readonly clock: Clock
  readonly random: RandomBytes
  /** Told of each write in the order of versions, after it is durable and before its writer hears of it. MUST NOT throw. */
  readonly desiredChanged: (change: DesiredChange) => void
}

/**
 * Methods that change something resolve when the change is durable, and reject with TwinError or with what the store
 * throws when it is unavailable; then it is not known whether the change was made.
 */
export class Twins {
  readonly #parts: TwinsParts

  constructor(parts: TwinsParts) {
    this.#parts = parts
  }

  /** @throws TwinError `missing`. */
  async read(key: IdentityKey): Promise<Twin> {
    const twin = await this.#parts.store.readTwin(key)
    if (twin === undefined) throw missing(key)
    return twin
  }

  /**
   * A service's write to tags, desired properties or both, as one.
   * @param change as `readTwinPatch` or `readTwinReplacement` give it.
   * @param actor for the event (`policy/service`, …).
   * @param etag what the twin has to have; any without it.
   * @throws TwinError `missing`, `etag-mismatch`, `too-large`.
   */
  async write(key: IdentityKey, change: ServiceTwinChange, actor: string, etag?: string): Promise<Twin> {
    return this.#change(key, { ...change, ...(etag === undefined ? {} : { expected: { etag } }) }, actor)
  }

  /**
   * A device's write to its own reported properties.
   * @param patch as `readReportedPatch` gives it.
   * @param version of the reported properties that the patch builds on; any without it.
   * @throws TwinError `missing`, `version-mismatch`, `too-large`.
   */
  async report(key: IdentityKey, patch: string, version?: number): Promise<Twin> {
    return this.#change(key, {
      reported: { kind: 'merge', patch },
      ...(version === undefined ? {} : { expected: { reportedVersion: version } }),
    })
  }

  /**
   * The twin a provisioned device begins with: tags and desired properties as given, nothing reported. Versions go on.
   * @param initial JSON texts of objects, as an enrolment keeps them.
   * @throws TwinError `missing`, `too-large`.
   */
  async reset(
    key: IdentityKey,
    initial: { readonly tags: string; readonly desired: string },
    actor: string,
  ): Promise<Twin> {
    return this.#change(key, resetChange(initial), actor)
  }

  /** @param actor absent: the device itself, whose reports are not told of one by one. */
  async #change(key: IdentityKey, change: TwinChange, actor?: string): Promise<Twin> {
    const { store, clock, random, desiredChanged } = this.#parts
    const at = clock.wall()
    const etag = Buffer.from(random(ETAG_BYTES)).toString('base64')
    const sections = (['tags', 'desired', 'reported'] as const).filter((name) => change[name] !== undefined)
    const detail = { sections: sections.join(' ') }
    const outcome = await store.changeTwin(
      key,
      change,
      { at, etag },
      actor === undefined || sections.length === 0
        ? undefined
        : { type: 'twin.changed', at, subject: identitySubject(key), actor, detail },
    )
    // No await from here to the listener: what resolved first is told first.
    switch (outcome.kind) {
      case 'changed': {
        const { twin, desiredPatch } = outcome
        if (desiredPatch !== undefined) desiredChanged({ key, patch: desiredPatch, version: twin.desired.version })
        return twin
      }
      case 'missing':
        throw missing(key)
      case 'etag-mismatch':
        throw new TwinError('etag-mismatch', 'the twin was changed since you read it; read it again')
      case 'version-mismatch':
        throw new TwinError('version-mismatch', 'the reported properties have another version; read them again')
      case 'too-large':
        throw new TwinError(
          'too-large',
          `${outcome.section} would have more than ${SECTION_BYTES_MAX[outcome.section]} bytes, or ${TWIN_PROPERTIES_MAX} properties; take something away`,
        )
      default:
        return assertNever(outcome)
    }
  }
}

/** What `reset` does, for stores that are asked to write an initial twin themselves. */
export function resetChange(initial: { readonly tags: string; readonly desired: string }): TwinChange {
  return {
    tags: { kind: 'replace', properties: initial.tags },
    desired: { kind: 'replace', properties: initial.desired },
    reported: { kind: 'replace', properties: '{}' },
  }
}

function missing(key: IdentityKey): TwinError {
  return new TwinError('missing', `${key.moduleId === undefined ? 'the device' : 'the module'} does not exist`)
}
