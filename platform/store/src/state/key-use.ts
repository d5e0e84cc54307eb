/** Keys and the identities that prove themselves by them. */

import { type Because, completed } from '@holdfast/audit'
import { identityText, type KeyClaim, type KeyClaimOutcome, type KeyUseStore } from '@holdfast/identity'
import type { StateTransaction, WriteGroup } from './write-group.ts'

/**
 * How long a holder may be no identity, in milliseconds: a TPM is claimed just before its identity is made. One that was
 * deleted while its key was claimed would hold that for ever.
 */
const UNMADE_MS = 60_000

export class SqlKeyUse implements KeyUseStore {
  readonly #writes: WriteGroup

  constructor(writes: WriteGroup) {
    this.#writes = writes
  }

  async claimKey({ spkiSha256, key, at, certificates = [] }: KeyClaim, because?: Because): Promise<KeyClaimOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const retired = await retiredHolder(transaction, spkiSha256, certificates)
      if (retired !== undefined) return { kind: 'retired', holder: { deviceId: retired } }
      const claim = { device_id: key.deviceId, module_id: key.moduleId ?? '' }
      const row = await transaction
        .selectFrom('key_use')
        .selectAll()
        .where('spki_sha256', '=', spkiSha256)
        .executeTakeFirst()
      if (row === undefined) {
        const values = { ...claim, spki_sha256: spkiSha256, since: at, freed_time: null }
        await transaction.insertInto('key_use').values(values).execute()
        return { kind: 'new' }
      }
      const { device_id: deviceId, module_id: moduleId, freed_time: freed } = row
      const holder = moduleId === '' ? { deviceId } : { deviceId, moduleId }
      const isOwn = deviceId === claim.device_id && moduleId === claim.module_id
      if (freed === null && isOwn) return { kind: 'own' }
      const isHeld = freed === null && (at - row.since < UNMADE_MS || (await isThere(transaction, row)))
      if (isHeld) return { kind: 'taken', holder }
      await transaction
        .updateTable('key_use')
        .set({ ...claim, since: at, freed_time: null })
        .where('spki_sha256', '=', spkiSha256)
        .execute()
      record(completed(because, { usedBy: identityText(holder) }))
      return { kind: 'used-before', holder }
    })
  }

  async releaseKey({ spkiSha256, key, at }: KeyClaim): Promise<void> {
    await this.#writes.run(async (transaction) =>
      transaction
        .updateTable('key_use')
        .set({ freed_time: at })
        .where('spki_sha256', '=', spkiSha256)
        .where('device_id', '=', key.deviceId)
        .where('module_id', '=', key.moduleId ?? '')
        .where('freed_time', 'is', null)
        .execute(),
    )
  }
}

async function isThere(
  transaction: StateTransaction,
  { device_id: deviceId, module_id: moduleId }: { readonly device_id: string; readonly module_id: string },
): Promise<boolean> {
  const row = await transaction
    .selectFrom('identity')
    .select('device_id')
    .where('device_id', '=', deviceId)
    .where('module_id', '=', moduleId)
    .executeTakeFirst()
  return row !== undefined
}

/** Whose tombstone names the key, or a certificate that shows it. */
async function retiredHolder(
  transaction: StateTransaction,
  spkiSha256: string,
  certificates: readonly string[],
): Promise<string | undefined> {
  const rows = await transaction
    .selectFrom('tombstone_key')
    .innerJoin('tombstone', 'tombstone.sequence', 'tombstone_key.tombstone')
    .select(['tombstone.device_id', 'tombstone_key.digest', 'tombstone_key.kind'])
    .where('tombstone_key.digest', 'in', [spkiSha256, ...certificates])
    .execute()
  return rows.find(({ kind, digest }) => kind === (digest === spkiSha256 ? 'public-key' : 'certificate'))?.device_id
}
