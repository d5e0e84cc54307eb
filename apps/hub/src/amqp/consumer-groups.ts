/** Consumer groups of the Event Hub: names under which readers keep apart. `$Default` is always there. */

import type { Because, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'

export const DEFAULT_GROUP = '$Default'
/** Azure has 20 in its standard tier. */
export const GROUPS_MAX = 20
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,48}[A-Za-z0-9])?$/
const SETTING = 'consumerGroups'

/** Where they are kept: settings by name, durable with the events of the write when it resolves. */
export interface GroupStore {
  readSetting(name: string): Promise<string | undefined>
  writeSetting(name: string, value: string, because?: Because): Promise<void>
}

export type GroupOutcome = 'done' | 'invalid' | 'exists' | 'missing' | 'too-many' | 'default'

export class ConsumerGroups {
  readonly #store: GroupStore
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  #names: readonly string[]
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(parts: { readonly store: GroupStore; readonly clock: Clock }, names: readonly string[]) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#names = names
  }

  /** @throws TypeError when what is stored is no list of names: the store is damaged. */
  static async open(parts: { readonly store: GroupStore; readonly clock: Clock }): Promise<ConsumerGroups> {
    const stored = await parts.store.readSetting(SETTING)
    const names: unknown = stored === undefined ? [] : JSON.parse(stored)
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
      throw new TypeError('the consumer groups in the store are no list of names')
    }
    return new ConsumerGroups(parts, names)
  }

  /** All of them, `$Default` first, the others in the order of their making. */
  list(): readonly string[] {
    return [DEFAULT_GROUP, ...this.#names]
  }

  subscribe(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** @param actor as events name it. */
  create(name: string, actor: string): Promise<GroupOutcome> {
    return this.#inTurn(async () => {
      if (!NAME.test(name)) return 'invalid'
      if (this.#find(name) !== undefined) return 'exists'
      if (this.list().length >= GROUPS_MAX) return 'too-many'
      await this.#write([...this.#names, name], this.#event('consumer-group.created', name, actor))
      return 'done'
    })
  }

  /** Readers that are at it go on until they close. */
  delete(name: string, actor: string): Promise<GroupOutcome> {
    return this.#inTurn(async () => {
      const found = this.#find(name)
      if (found === undefined) return 'missing'
      if (found === DEFAULT_GROUP) return 'default'
      await this.#write(
        this.#names.filter((one) => one !== found),
        this.#event('consumer-group.deleted', found, actor),
      )
      return 'done'
    })
  }

  #find(name: string): string | undefined {
    return this.list().find((one) => one.toLowerCase() === name.toLowerCase())
  }

  async #write(names: readonly string[], because: SecurityEvent): Promise<void> {
    await this.#store.writeSetting(SETTING, JSON.stringify(names), because)
    this.#names = names
    for (const listener of this.#listeners) listener()
  }

  #event(type: 'consumer-group.created' | 'consumer-group.deleted', name: string, actor: string): SecurityEvent {
    return { type, at: this.#clock.wall(), subject: `consumer-group/${name}`, actor, detail: {} }
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(step)
    this.#lastChange = turn.catch(() => {})
    return turn
  }
}
