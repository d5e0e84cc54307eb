/** What is kept of people: small records, all of which the core has in memory. */

import type { Because } from '@holdfast/audit'

export const PEOPLE_KINDS = [
  'operator',
  'passkey',
  'link',
  'session',
  'recovery',
  'workstation',
  'policy',
  'proposal',
] as const
export type PeopleKind = (typeof PEOPLE_KINDS)[number]

export interface PeopleRecord {
  readonly kind: PeopleKind
  readonly id: string
  /** JSON text. */
  readonly document: string
}

export interface PeopleListing {
  readonly records: readonly PeopleRecord[]
  readonly damaged: readonly Pick<PeopleRecord, 'kind' | 'id'>[]
}

export interface PeopleChange {
  readonly put: readonly PeopleRecord[]
  readonly remove: readonly Pick<PeopleRecord, 'kind' | 'id'>[]
}

export interface PeopleStore {
  /** Everything; in no order. What was changed or moved does not open, and is named in place of being read. */
  listPeople(): Promise<PeopleListing>
  /**
   * All of it or nothing, with its events in the same transaction. Implementers MUST seal the documents, bound to kind
   * and id: whoever can write the file must not be able to put a passkey of their own into it.
   */
  changePeople(change: PeopleChange, because?: Because): Promise<void>
}
