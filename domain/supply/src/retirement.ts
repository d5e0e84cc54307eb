/**
 * The end of a device. The tombstone is written first: from then on the gate refuses it and its keys open nothing, also
 * when the hub stops before its identity is deleted.
 */

import type { Clock } from '@holdfast/base'
import type { Identity } from '@holdfast/identity'
import { symmetricKeyDigest } from './claim-code.ts'
import { isAbout } from './device-life.ts'
import { SupplyError } from './errors.ts'
import { REASON_CHARACTERS_MAX, SWEEP_MAX } from './limits.ts'
import type { Lives } from './lives.ts'
import type { OwnedDevices } from './owned-devices.ts'
import type { KeyDigest, SupplyStore, Tombstone } from './store.ts'
import type { SupplyEntry } from './supply-entry.ts'

export interface RetirementsParts {
  readonly store: SupplyStore
  readonly lives: Lives
  readonly devices: OwnedDevices
  readonly clock: Clock
  /** Base64; see `claim-code.ts`. */
  readonly codeKey: string
}

export class Retirements {
  readonly #parts: RetirementsParts
  /** Devices whose end is under way, so that a sweep does not end them too. */
  readonly #ending = new Set<string>()

  constructor(parts: RetirementsParts) {
    this.#parts = parts
  }

  /**
   * Retires a device, or what is claimed under the id and was never provisioned. Resolves when no session is left.
   * @throws SupplyError `device-missing`, `illegal-move`, `invalid`.
   */
  async retire(deviceId: string, reason: string, actor: string): Promise<Tombstone> {
    if (reason.length > REASON_CHARACTERS_MAX) {
      throw new SupplyError('invalid', `a reason has at most ${REASON_CHARACTERS_MAX} characters; shorten it`)
    }
    const { store, lives, devices, clock, codeKey } = this.#parts
    const [identity, entry, enrolled] = await Promise.all([
      devices.read(deviceId),
      store.readBinding(deviceId.toLowerCase()),
      devices.enrolledKeys(deviceId),
    ])
    const bound = entry !== undefined && entry.registrationId === deviceId ? entry : undefined
    if (identity === undefined && bound === undefined) {
      throw new SupplyError('device-missing', 'neither a device nor a claimed entry has this id')
    }
    const written = await lives.written(deviceId)
    const generationId = identity?.generationId ?? ''
    const life = isAbout(written, generationId) ? written : undefined
    const owner = life?.owner ?? bound?.owner
    const model = life?.model ?? bound?.model
    const tombstone: Tombstone = {
      deviceId,
      generationId,
      at: clock.wall(),
      actor,
      reason,
      ...(model === undefined ? {} : { model }),
      ...(owner === undefined ? {} : { owner }),
      ...(bound === undefined ? {} : { manufacturer: bound.manufacturer, serial: bound.serial }),
      keys: keysOf(identity, bound, enrolled, codeKey),
    }
    this.#ending.add(deviceId)
    try {
      const outcome = await lives.retire(tombstone)
      if (outcome.kind === 'refused') throw new SupplyError('illegal-move', outcome.reason)
      await this.#end(deviceId, generationId, actor)
    } finally {
      this.#ending.delete(deviceId)
    }
    return tombstone
  }

  /**
   * Finishes what was begun before a stop, and told with the tombstone. One that cannot be finished keeps none of the others.
   */
  async resume(): Promise<void> {
    const faults: unknown[] = []
    for (const { deviceId, generationId = '' } of await this.#parts.store.listLives('retired', SWEEP_MAX)) {
      if (this.#ending.has(deviceId)) continue
      try {
        await this.#end(deviceId, generationId, 'hub')
      } catch (error) {
        faults.push(error)
      }
    }
    if (faults.length > 0) throw faults[0]
  }

  async #end(deviceId: string, generationId: string, actor: string): Promise<void> {
    const { devices, lives } = this.#parts
    await devices.unbind(deviceId, actor)
    await devices.delete(deviceId, generationId, actor)
    lives.forget(deviceId)
  }
}

/** Every way by which one of its keys would be known again. */
function keysOf(
  identity: Identity | undefined,
  entry: SupplyEntry | undefined,
  enrolled: readonly string[],
  codeKey: string,
): readonly KeyDigest[] {
  const keys = new Map<string, KeyDigest>()
  const add = (kind: KeyDigest['kind'], digest: string): void => void keys.set(`${kind} ${digest}`, { kind, digest })
  for (const key of enrolled) add('symmetric-key', symmetricKeyDigest(codeKey, key))
  const authentication = identity?.authentication
  if (authentication?.kind === 'sas') {
    add('symmetric-key', symmetricKeyDigest(codeKey, authentication.primaryKey))
    add('symmetric-key', symmetricKeyDigest(codeKey, authentication.secondaryKey))
  } else if (authentication?.kind === 'selfSigned') {
    const { primaryThumbprint, secondaryThumbprint } = authentication
    for (const thumbprint of [primaryThumbprint, secondaryThumbprint]) {
      if (thumbprint !== undefined) add('certificate', thumbprint)
    }
  }
  if (entry !== undefined) {
    add(entry.key.kind === 'endorsement-key' ? 'endorsement-key' : 'public-key', entry.key.digest)
  }
  return [...keys.values()]
}
