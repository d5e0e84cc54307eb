/**
 * A device changes hands in two steps: its owner offers it, the new one accepts by the code of the offer. From the
 * moment of acceptance it only goes forward, also over a restart: the credentials of before are taken away first, the
 * ownership is written last, so that there is no moment in which both have it.
 */

import type { EventSink } from '@holdfast/audit'
import { type Clock, formatTimestamp, timestampOf } from '@holdfast/base'
import { codeDigest, codeSha256, makeCode, normaliseCode } from './claim-code.ts'
import { guessedTooOften } from './claims.ts'
import type { DeviceLife } from './device-life.ts'
import { SupplyError } from './errors.ts'
import { Guesses } from './guesses.ts'
import { planMove } from './life.ts'
import { SWEEP_MAX, TRANSFER_LIFE_MS } from './limits.ts'
import type { Lives } from './lives.ts'
import type { Models } from '@holdfast/models'
import type { OwnedDevices } from './owned-devices.ts'
import type { Owners } from './owners.ts'
import type { SupplyStore, Transfer } from './store.ts'

export interface TransfersParts {
  readonly store: SupplyStore
  readonly owners: Owners
  readonly lives: Lives
  readonly models: Models
  readonly devices: OwnedDevices
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly events: EventSink
  /** Base64; see `claim-code.ts`. */
  readonly codeKey: string
}

export class Transfers {
  readonly #parts: TransfersParts
  readonly #guesses: Guesses
  /** Devices whose transfer is being finished, so that a sweep and an acceptance do not do it at once. */
  readonly #finishing = new Map<string, Promise<DeviceLife>>()

  constructor(parts: TransfersParts) {
    this.#parts = parts
    this.#guesses = new Guesses(parts.clock.monotonic())
  }

  /**
   * Offers a device to another owner; an offer that waits is replaced.
   * @returns the code that accepts it. It is not kept, and told this once.
   * @throws SupplyError `device-missing`, `unknown-owner`, `illegal-move`, `invalid`, `busy`.
   */
  async offer(
    deviceId: string,
    { to, clearsTags }: { readonly to: string; readonly clearsTags: boolean },
    actor: string,
  ): Promise<{ readonly code: string; readonly transfer: Transfer }> {
    const { store, owners, lives, clock, random, codeKey } = this.#parts
    const life = await lives.read(deviceId)
    await owners.expect(to)
    if (life.owner === to) throw new SupplyError('invalid', 'the device is its already')
    const plan = planMove(life.state, 'transfer')
    if (plan.kind === 'refused') throw new SupplyError('illegal-move', plan.reason)
    const code = makeCode(random)
    const at = clock.wall()
    const transfer: Transfer = {
      deviceId,
      generationId: life.generationId ?? '',
      ...(life.owner === undefined ? {} : { from: life.owner }),
      to,
      codeDigest: codeDigest(codeKey, codeSha256(code.replaceAll('-', ''))),
      offeredTime: at,
      expires: timestampOf(at + TRANSFER_LIFE_MS),
      clearsTags,
      state: 'offered',
    }
    const detail = { from: life.owner ?? '', to, expires: formatTimestamp(transfer.expires), clearsTags }
    const offered = { type: 'device.transfer-offered', at, subject: `device/${deviceId}`, actor, detail } as const
    if ((await store.offerTransfer(transfer, { at, actor }, offered)) === 'busy') {
      throw new SupplyError('busy', 'the device is just changing hands; look again shortly')
    }
    return { code, transfer }
  }

  /** The offer of a device that waits, if any. */
  async read(deviceId: string): Promise<Transfer | undefined> {
    const transfer = await this.#parts.store.readTransfer({ deviceId })
    return transfer !== undefined && this.#isOpen(transfer) ? transfer : undefined
  }

  /** Takes an offer back. @throws SupplyError `no-offer`. */
  async withdraw(deviceId: string, actor: string): Promise<void> {
    const { store, clock } = this.#parts
    const transfer = await store.readTransfer({ deviceId })
    if (transfer?.state !== 'offered') throw noOffer()
    const at = clock.wall()
    const detail = { to: transfer.to }
    const withdrawn = { type: 'device.transfer-withdrawn', at, subject: `device/${deviceId}`, actor, detail } as const
    await store.endTransfer(deviceId, { at, actor }, withdrawn)
  }

  /**
   * Accepts an offer by its code. Resolves when nothing of the former owner's is left.
   * @throws SupplyError `unknown-code`, `throttled`, `invalid`, `illegal-move`, `device-missing`.
   */
  async accept(text: string, actor: string): Promise<DeviceLife> {
    const { store, clock, codeKey, lives, events } = this.#parts
    const code = normaliseCode(text)
    if (code === undefined) throw new SupplyError('invalid', 'a code is letters and digits; dashes do not count')
    if (!this.#guesses.take(actor, clock.monotonic())) {
      this.#tellRefusal('throttled', actor)
      throw guessedTooOften()
    }
    const digest = codeDigest(codeKey, codeSha256(code))
    const transfer = await store.readTransfer({ codeDigest: digest })
    if (transfer === undefined || !this.#isOpen(transfer)) {
      this.#tellRefusal('unknown-code', actor)
      throw new SupplyError('unknown-code', 'no offer waits for this code; check it for slips, or ask for a new offer')
    }
    this.#guesses.succeeded(actor)
    const { deviceId, generationId } = transfer
    const life = await lives.read(deviceId)
    const plan = planMove(life.state, 'transfer')
    if (life.generationId !== generationId) throw noOffer()
    if (plan.kind === 'refused') {
      events({
        type: 'device.transfer-refused',
        at: clock.wall(),
        subject: `device/${deviceId}`,
        actor,
        detail: { code: 'illegal-move', reason: plan.reason },
      })
      throw new SupplyError('illegal-move', plan.reason)
    }
    if (!(await store.acceptTransfer(deviceId, digest))) throw noOffer()
    return this.#finish({ ...transfer, state: 'accepted' }, actor)
  }

  /** Finishes what was accepted before a stop. */
  async resume(): Promise<void> {
    for (const transfer of await this.#parts.store.listAcceptedTransfers(SWEEP_MAX)) {
      await this.#finish(transfer, 'hub')
    }
  }

  #isOpen(transfer: Transfer): boolean {
    return transfer.state === 'offered' && this.#parts.clock.wall() < transfer.expires
  }

  async #finish(transfer: Transfer, actor: string): Promise<DeviceLife> {
    const { deviceId } = transfer
    const underWay = this.#finishing.get(deviceId)
    if (underWay !== undefined) return underWay
    const finishing = this.#taken(transfer, actor).finally(() => this.#finishing.delete(deviceId))
    this.#finishing.set(deviceId, finishing)
    return finishing
  }

  /** Every step may be done twice, so that it goes on after a stop from its beginning. */
  async #taken({ deviceId, generationId, from, to, clearsTags }: Transfer, actor: string): Promise<DeviceLife> {
    const { store, lives, models, devices, clock } = this.#parts
    const identity = await devices.read(deviceId)
    if (identity?.generationId !== generationId) {
      // It was deleted meanwhile: there is nothing to hand over.
      await store.endTransfer(deviceId, { at: clock.wall(), actor })
      throw new SupplyError('device-missing', 'the device was deleted meanwhile')
    }
    const life = await lives.read(deviceId)
    await devices.remint(deviceId, { isBound: life.serial !== undefined }, actor)
    await devices.unbind(deviceId, actor)
    if (clearsTags) await devices.clearTags(deviceId, actor)
    const needsCommissioning =
      life.model !== undefined && models.requirements(life.model)?.rules.commissioning !== false
    const outcome = await lives.change(
      deviceId,
      { kind: 'transfer', generationId, owner: to, needsCommissioning },
      actor,
      {
        type: 'device.transferred',
        at: clock.wall(),
        subject: `device/${deviceId}`,
        actor,
        detail: { from: from ?? '', to, clearsTags },
      },
    )
    await store.endTransfer(deviceId, { at: clock.wall(), actor })
    if (outcome.kind === 'refused') throw new SupplyError('illegal-move', outcome.reason)
    return outcome.life
  }

  #tellRefusal(code: string, actor: string): void {
    const { clock, events } = this.#parts
    events({ type: 'device.transfer-refused', at: clock.wall(), subject: 'supply', actor, detail: { code } })
  }
}

function noOffer(): SupplyError {
  return new SupplyError('no-offer', 'no offer of this device waits; offer it anew')
}
