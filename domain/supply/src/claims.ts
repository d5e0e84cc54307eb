/** Claiming a device that stands on a manifest: from then on it can be provisioned by exactly its key. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { parseRegistrationId } from '@holdfast/dps'
import type { Models } from '@holdfast/models'
import { codeDigest, codeSha256, normaliseCode } from './claim-code.ts'
import { SupplyError } from './errors.ts'
import { Guesses } from './guesses.ts'
import { SWEEP_MAX, SWEEP_STEPS_MAX } from './limits.ts'
import type { Owners } from './owners.ts'
import type { SupplyStore } from './store.ts'
import type { SupplyEntry } from './supply-entry.ts'

export interface ClaimsParts {
  readonly store: SupplyStore
  readonly owners: Owners
  readonly models: Models
  readonly clock: Clock
  readonly events: EventSink
  /** Base64; see `claim-code.ts`. */
  readonly codeKey: string
  /** Whether a device or an individual enrolment of this id is there, which the claim would take over. */
  readonly isTaken: (registrationId: string) => Promise<boolean>
}

/** By the code that came with the device, or by its serial number where it has no code. */
export type ClaimBy =
  | { readonly kind: 'code'; readonly code: string }
  | { readonly kind: 'serial'; readonly serial: string; readonly manufacturer?: string }

export interface ClaimRequest {
  readonly by: ClaimBy
  readonly owner: string
  /** Under which the device registers, and its id; its serial number in lower case unless told. */
  readonly registrationId?: string
}

export class Claims {
  readonly #parts: ClaimsParts
  readonly #guesses: Guesses

  constructor(parts: ClaimsParts) {
    this.#parts = parts
    this.#guesses = new Guesses(parts.clock.monotonic())
  }

  /**
   * @throws SupplyError `unknown-code`, `throttled`, `missing`, `needs-code`, `unknown-owner`, `bad-id`, `id-taken`,
   *   `already-claimed`, `expired`, `illegal-move`, `invalid`.
   */
  async claim(request: ClaimRequest, actor: string): Promise<SupplyEntry> {
    try {
      return await this.#claim(request, actor)
    } catch (error) {
      if (error instanceof SupplyError) this.#tellRefusal(request, error, actor)
      throw error
    }
  }

  /** Ends the wait of entries that nobody claimed in time. How many they were. */
  async expire(): Promise<number> {
    const { store, clock } = this.#parts
    let count = 0
    for (let step = 0; step < SWEEP_STEPS_MAX; step += 1) {
      const expired = await store.expireEntries({ at: clock.wall(), actor: 'hub' }, SWEEP_MAX)
      count += expired.length
      if (expired.length < SWEEP_MAX) break
    }
    return count
  }

  async #claim({ by, owner, registrationId: wanted }: ClaimRequest, actor: string): Promise<SupplyEntry> {
    const { store, owners, clock } = this.#parts
    await owners.expect(owner)
    const entry = by.kind === 'code' ? await this.#byCode(by.code, actor) : await this.#bySerial(by)
    const registrationId = parseRegistrationId(wanted ?? entry.serial)
    if (registrationId === undefined) {
      throw new SupplyError(
        'bad-id',
        'a registration id is 1 to 128 of a-z 0-9 - . _ : and ends with a letter, digit or dash; choose one',
      )
    }
    if (await this.#parts.isTaken(registrationId)) throw taken(registrationId)
    const { manufacturer, serial } = entry
    const at = clock.wall()
    const outcome = await store.claimEntry(
      { manufacturer, serial, owner, registrationId },
      { at, actor },
      {
        type: 'claim.accepted',
        at,
        subject: `supply/${manufacturer}/${serial}`,
        actor,
        detail: { owner, registrationId, by: by.kind, model: entry.model },
      },
    )
    if (outcome.kind === 'refused') {
      throw outcome.code === 'id-taken' ? taken(registrationId) : new SupplyError(outcome.code, outcome.reason)
    }
    return outcome.entry
  }

  async #byCode(text: string, actor: string): Promise<SupplyEntry> {
    const { store, clock, codeKey } = this.#parts
    const code = normaliseCode(text)
    if (code === undefined)
      throw new SupplyError('invalid', 'a code is 8 to 128 letters and digits; dashes do not count')
    if (!this.#guesses.take(actor, clock.monotonic())) throw guessedTooOften()
    const entry = await store.readEntryByCode(codeDigest(codeKey, codeSha256(code)))
    // What was claimed or has expired is told apart only where the code is right.
    if (entry === undefined) throw new SupplyError('unknown-code', 'no device waits for this code; check it for slips')
    this.#guesses.succeeded(actor)
    return entry
  }

  async #bySerial(by: Extract<ClaimBy, { kind: 'serial' }>): Promise<SupplyEntry> {
    const { store, models } = this.#parts
    const found =
      by.manufacturer === undefined
        ? await store.findEntries(by.serial)
        : [await store.readEntry(by.manufacturer, by.serial)].filter((one) => one !== undefined)
    const [entry, another] = found
    if (entry === undefined) throw new SupplyError('missing', 'no manifest has this serial number')
    if (another !== undefined)
      throw new SupplyError('invalid', 'several manufacturers have this serial number; name one')
    if (entry.codeDigest !== undefined || models.requirements(entry.model)?.rules.ownerCode === true) {
      throw new SupplyError('needs-code', 'this device is claimed by the code that came with it')
    }
    return entry
  }

  #tellRefusal({ by, owner }: ClaimRequest, { code }: SupplyError, actor: string): void {
    const { clock, events } = this.#parts
    // A wrong code names nothing, and it itself is not told: a slip of one sign is nearly a right one.
    const subject = by.kind === 'serial' ? `supply/${printable(by.serial)}` : 'supply'
    const detail = { code, by: by.kind, owner: printable(owner) }
    events({ type: 'claim.refused', at: clock.wall(), subject, actor, detail })
  }
}

/** Whoever asks wrote it, an operator's terminal shows it. */
function printable(text: string): string {
  return text.slice(0, 128).replace(/[^\x21-\x7e]/g, '?')
}

function taken(registrationId: string): SupplyError {
  return new SupplyError('id-taken', `something else has the id ${registrationId} already; choose another id`)
}

export function guessedTooOften(): SupplyError {
  return new SupplyError('throttled', 'too many wrong codes; wait some minutes')
}
