/** What the rules of twins need of a disk. */

import type { Because } from '@holdfast/audit'
import type { IdentityKey } from '@holdfast/identity'
import type { Twin } from '@holdfast/iothub'
import type { ChangeStamp, TwinChange, TwinOutcome } from './twin-change.ts'

export interface TwinStore {
  /** Undefined where the identity does not exist: a twin is made and deleted with it. */
  readTwin(key: IdentityKey): Promise<Twin | undefined>
  /**
   * Reads the twin, applies `applyTwinChange` and writes what it gives, as one step. Implementers MUST make a change
   * durable before they resolve, and MUST resolve the changes of one twin in the order in which they were applied.
   * @param because kept in the transaction of a change, its detail completed by `version`, of the twin after it.
   */
  changeTwin(
    key: IdentityKey,
    change: TwinChange,
    stamp: ChangeStamp,
    because?: Because,
  ): Promise<TwinOutcome | { readonly kind: 'missing' }>
}
