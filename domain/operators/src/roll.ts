/** Everything that is kept of people, in memory, with one way to change it: on the disk first, and one after the other. */

import type { Because } from '@holdfast/audit'
import { OperatorError } from './errors.ts'
import type { Operator, Passkey } from './operator.ts'
import { DEFAULT_PASSKEY_POLICY } from './passkey-policy.ts'
import type { PeopleEntry, PeopleTables, PolicyRecord } from './records.ts'
import type { PeopleChange, PeopleKind, PeopleRecord, PeopleStore } from './store.ts'
import { DEFAULT_TWO_PERSON_POLICY } from './two-person-policy.ts'
import { DEFAULT_WORKSTATION_POLICY } from './workstation-policy.ts'

export interface Planned<T> {
  readonly put?: readonly PeopleEntry[]
  readonly remove?: PeopleChange['remove']
  readonly because?: Because
  readonly result: T
}

type Maps = { readonly [K in PeopleKind]: Map<string, PeopleTables[K]> }

/** Who damages a policy does not get around it. */
const STRICTEST: readonly PolicyRecord[] = [
  { id: 'passkeys', policy: { ...DEFAULT_PASSKEY_POLICY, backupEligible: 'refused' } },
  { id: 'workstations', policy: { ...DEFAULT_WORKSTATION_POLICY, mode: 'refuse' } },
  { id: 'two-person', policy: DEFAULT_TWO_PERSON_POLICY },
]

export class Roll {
  readonly #store: PeopleStore
  readonly #maps: Maps = {
    operator: new Map(),
    passkey: new Map(),
    link: new Map(),
    session: new Map(),
    recovery: new Map(),
    workstation: new Map(),
    policy: new Map(),
    proposal: new Map(),
  }
  #last: Promise<unknown> = Promise.resolve()

  private constructor(store: PeopleStore) {
    this.#store = store
  }

  /** @param damaged told of what does not open, and is left out. A policy counts as the strictest there is instead. */
  static async open(
    store: PeopleStore,
    damaged: (record: Pick<PeopleRecord, 'kind' | 'id'>) => void = () => {},
  ): Promise<Roll> {
    const roll = new Roll(store)
    const listing = await store.listPeople()
    for (const record of listing.records) roll.#put(entryOf(record))
    for (const record of listing.damaged) {
      damaged(record)
      const strictest = STRICTEST.find(({ id }) => record.kind === 'policy' && record.id === id)
      if (strictest !== undefined) roll.#put({ kind: 'policy', value: strictest })
    }
    return roll
  }

  get<K extends PeopleKind>(kind: K, id: string): PeopleTables[K] | undefined {
    return this.#maps[kind].get(id)
  }

  /** In the order in which they came; of those of former starts, in none. */
  all<K extends PeopleKind>(kind: K): MapIterator<PeopleTables[K]> {
    const map: ReadonlyMap<string, PeopleTables[K]> = this.#maps[kind]
    return map.values()
  }

  count(kind: PeopleKind): number {
    return this.#maps[kind].size
  }

  operatorNamed(name: string): Operator | undefined {
    for (const operator of this.all('operator')) if (operator.name === name) return operator
    return undefined
  }

  passkeysOf(operatorId: string): readonly Passkey[] {
    return [...this.all('passkey')].filter((passkey) => passkey.operatorId === operatorId)
  }

  /** Those who can sign in now: active, with a passkey that counts. */
  activeOperators(): readonly Operator[] {
    const withKey = new Set<string>()
    for (const passkey of this.all('passkey')) if (passkey.isSuspected !== true) withKey.add(passkey.operatorId)
    return [...this.all('operator')].filter(({ id, state }) => state === 'active' && withKey.has(id))
  }

  /** People of an organisation who have a passkey, whether they may come now or not. */
  enrolledOf(organisation: string): readonly Operator[] {
    const withKey = new Set(this.all('passkey').map(({ operatorId }) => operatorId))
    const isOfThem = (one: Operator): boolean => one.organisation === organisation && one.state !== 'removed'
    return [...this.all('operator')].filter((one) => isOfThem(one) && withKey.has(one.id))
  }

  /**
   * Whoever gives a word beside that of another has to be somebody else, not only another name.
   * @throws OperatorError `not-vouched`.
   */
  demandVouched(actor: string): void {
    const operator = this.operatorNamed(actor.replace(/^operator\//, ''))
    if (operator?.awaitsWord !== true) return
    throw new OperatorError(
      'not-vouched',
      `${operator.name} was let in by ${operator.invitedBy} alone: another operator has to say: holdfast operator resume ${operator.name}`,
    )
  }

  /**
   * Runs `plan` when all changes before it are done, writes what it says, then has it in memory. What `plan` throws
   * leaves all as it was, and so does a disk that fails.
   */
  change<T>(plan: () => Planned<T> | Promise<Planned<T>>): Promise<T> {
    const done = this.#last.then(async () => {
      const { put = [], remove = [], because, result } = await plan()
      if (put.length > 0 || remove.length > 0 || because !== undefined) {
        await this.#store.changePeople({ put: put.map(recordOf), remove }, because)
        for (const { kind, id } of remove) this.#maps[kind].delete(id)
        for (const entry of put) this.#put(entry)
      }
      return result
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  #put({ kind, value }: PeopleEntry): void {
    const map: Map<string, PeopleTables[PeopleKind]> = this.#maps[kind]
    map.set(value.id, value)
  }
}

function recordOf({ kind, value }: PeopleEntry): PeopleRecord {
  return { kind, id: value.id, document: JSON.stringify(value) }
}

/** The document is what `recordOf` wrote: the store has it sealed, bound to kind and id. */
function entryOf({ kind, document }: PeopleRecord): PeopleEntry {
  return { kind, value: JSON.parse(document) } as PeopleEntry
}
