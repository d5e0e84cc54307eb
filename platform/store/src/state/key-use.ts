/** Keys and the identities that prove themselves by them. */

import type { KeyClaim, KeyClaimOutcome, KeyUseStore } from '@holdfast/identity'
import type { WriteGroup } from './write-group.ts'

export class SqlKeyUse implements KeyUseStore {
  readonly #writes: WriteGroup

  constructor(writes: WriteGroup) {
    this.#writes = writes
  }

  async claimKey({ spkiSha256, key, at }: KeyClaim): Promise<KeyClaimOutcome> {
    return this.#writes.run(async (transaction) => {
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
      if (freed === null) return isOwn ? { kind: 'own' } : { kind: 'taken', holder }
      await transaction
        .updateTable('key_use')
        .set({ ...claim, since: at, freed_time: null })
        .where('spki_sha256', '=', spkiSha256)
        .execute()
      return { kind: 'used-before', holder }
    })
  }
}
