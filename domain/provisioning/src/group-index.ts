/** The enrolment groups, in memory: a device does not name its group, so each of them is looked at. */

import { ENROLLMENT_GROUPS_MAX } from './limits.ts'
import type { Enrollment, ProvisioningStore } from './store.ts'

export class GroupIndex {
  readonly #store: ProvisioningStore
  #groups: Promise<readonly Enrollment[]> | undefined

  constructor(store: ProvisioningStore) {
    this.#store = store
  }

  /** All groups, at most ENROLLMENT_GROUPS_MAX. Rejects with what the store throws, and reads again the next time. */
  list(): Promise<readonly Enrollment[]> {
    const groups = this.#groups ?? this.#store.listEnrollments('group', { limit: ENROLLMENT_GROUPS_MAX })
    this.#groups = groups
    groups.catch(() => {
      if (this.#groups === groups) this.#groups = undefined
    })
    return groups
  }

  /** MUST be called before and after every write of a group, so that no reading from before it stays. */
  forget(): void {
    this.#groups = undefined
  }
}
