/** Twins as they are stored. Every identity has one, made and deleted with it. */

import type { IdentityKey } from '@holdfast/identity'
import { type Kysely, sql } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { StateTransaction } from './write-group.ts'

/** JSON texts of objects, with the versions that count their changes from 1. */
export interface TwinRecord {
  readonly version: number
  readonly tags: string
  readonly desired: string
  readonly desiredVersion: number
  readonly reported: string
  readonly reportedVersion: number
}

export async function readTwin(db: Kysely<StateSchema>, key: IdentityKey): Promise<TwinRecord | undefined> {
  return db
    .selectFrom('twin')
    .select([
      'version',
      'tags',
      'desired',
      'desired_version as desiredVersion',
      'reported',
      'reported_version as reportedVersion',
    ])
    .where('device_id', '=', key.deviceId)
    .where('module_id', '=', key.moduleId ?? '')
    .executeTakeFirst()
}

/**
 * The whole twin anew, reported properties empty. Versions go up and not back to 1, so that who compares versions sees
 * a change. Keeps nothing where the identity does not exist (any more).
 */
export async function replaceTwin(
  transaction: StateTransaction,
  key: IdentityKey,
  twin: { readonly tags: string; readonly desired: string },
): Promise<void> {
  await transaction
    .insertInto('twin')
    .columns([
      'device_id',
      'module_id',
      'version',
      'tags',
      'desired',
      'desired_metadata',
      'desired_version',
      'reported',
      'reported_metadata',
      'reported_version',
    ])
    .expression((eb) =>
      eb
        .selectFrom('identity')
        .select([
          'device_id',
          'module_id',
          sql<number>`1`.as('version'),
          eb.val(twin.tags).as('tags'),
          eb.val(twin.desired).as('desired'),
          sql<string>`'{}'`.as('desired_metadata'),
          sql<number>`1`.as('desired_version'),
          sql<string>`'{}'`.as('reported'),
          sql<string>`'{}'`.as('reported_metadata'),
          sql<number>`1`.as('reported_version'),
        ])
        .where('device_id', '=', key.deviceId)
        .where('module_id', '=', key.moduleId ?? ''),
    )
    .onConflict((conflict) =>
      conflict.columns(['device_id', 'module_id']).doUpdateSet((eb) => ({
        version: eb('twin.version', '+', 1),
        tags: eb.ref('excluded.tags'),
        desired: eb.ref('excluded.desired'),
        desired_metadata: '{}',
        desired_version: eb('twin.desired_version', '+', 1),
        reported: '{}',
        reported_metadata: '{}',
        reported_version: eb('twin.reported_version', '+', 1),
      })),
    )
    .execute()
}
