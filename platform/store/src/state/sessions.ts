/** Persistent MQTT sessions: what a device is subscribed to while it is away. */

import type { IdentityKey } from '@holdfast/identity'
import type { SessionStore, Subscription } from '@holdfast/messaging'
import type { Kysely } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlSessions implements SessionStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async readSession(key: IdentityKey): Promise<readonly Subscription[] | undefined> {
    const row = await this.#db
      .selectFrom('session')
      .select('subscriptions')
      .where('device_id', '=', key.deviceId)
      .where('module_id', '=', key.moduleId ?? '')
      .executeTakeFirst()
    return row === undefined ? undefined : subscriptionsOf(row.subscriptions)
  }

  /** Keeps nothing where the identity does not exist (any more): its deletion overtook the write. */
  async writeSession(key: IdentityKey, subscriptions: readonly Subscription[]): Promise<void> {
    const text = JSON.stringify(subscriptions.map(({ filter, qos }) => ({ filter, qos })))
    await this.#writes.run(async (transaction) =>
      transaction
        .insertInto('session')
        .columns(['device_id', 'module_id', 'subscriptions'])
        .expression((eb) =>
          eb
            .selectFrom('identity')
            .select(['device_id', 'module_id', eb.val(text).as('subscriptions')])
            .where('device_id', '=', key.deviceId)
            .where('module_id', '=', key.moduleId ?? ''),
        )
        .onConflict((conflict) => conflict.columns(['device_id', 'module_id']).doUpdateSet({ subscriptions: text }))
        .execute(),
    )
  }

  async deleteSession(key: IdentityKey): Promise<void> {
    await this.#writes.run(async (transaction) =>
      transaction
        .deleteFrom('session')
        .where('device_id', '=', key.deviceId)
        .where('module_id', '=', key.moduleId ?? '')
        .execute(),
    )
  }
}

function subscriptionsOf(text: string): readonly Subscription[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list) || !list.every(isSubscription)) throw new TypeError('a session holds no subscriptions')
  return list
}

function isSubscription(value: unknown): value is Subscription {
  return (
    typeof value === 'object' &&
    value !== null &&
    'filter' in value &&
    typeof value.filter === 'string' &&
    'qos' in value &&
    (value.qos === 0 || value.qos === 1)
  )
}
