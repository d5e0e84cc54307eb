/** Who may do what: the port of domain/authorization. */

import type { Because } from '@holdfast/audit'
import {
  type AccessChange,
  type AccessState,
  type AccessStore,
  type Assignment,
  formatNode,
  formatPlacement,
  type Node,
  parseNode,
  type Placement,
  type Role,
  ROLE_VERSIONS_KEPT,
  type RoleVersion,
  type Use,
  type UseSum,
} from '@holdfast/authorization'
import { assertNever } from '@holdfast/base'
import type { Kysely, Selectable } from 'kysely'
import { StoreDamagedError } from '../damaged.ts'
import type { AssignmentTable, RoleTable } from './organisations-schema.ts'
import type { StateSchema } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

type Outcome = Awaited<ReturnType<AccessStore['changeAccess']>>

/** Rows of one statement: SQLite binds at most 32,766 values, and a row here has five. */
const USES_PER_STATEMENT = 1_000

export class SqlAccess implements AccessStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #file: string

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, file: string) {
    this.#db = db
    this.#writes = writes
    this.#file = file
  }

  async readAccess(): Promise<AccessState> {
    const [organisations, sites, fleets, roles, assignments] = await Promise.all([
      this.#db.selectFrom('organisation').selectAll().orderBy('name').execute(),
      this.#db.selectFrom('site').selectAll().execute(),
      this.#db.selectFrom('fleet').select(['organisation', 'site', 'fleet']).execute(),
      this.#db.selectFrom('access_role').selectAll().orderBy('organisation').orderBy('name').execute(),
      this.#db
        .selectFrom('access_assignment')
        .selectAll()
        .orderBy('principal')
        .orderBy('role')
        .orderBy('node')
        .execute(),
    ])
    return {
      organisations: organisations.map((row) => ({
        name: row.name,
        isFirst: row.is_first === 1,
        createdTime: row.created_time,
      })),
      sites,
      fleets,
      roles: roles.map(roleOf),
      assignments: assignments.map((row) => this.#assignmentOf(row)),
    }
  }

  async changeAccess(change: AccessChange, because?: Because): Promise<Outcome> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = await apply(transaction, change)
      if (outcome === 'written') record(because)
      return outcome
    })
  }

  async listRoleVersions(organisation: string, name: string): Promise<readonly RoleVersion[]> {
    const rows = await this.#db
      .selectFrom('access_role_version')
      .selectAll()
      .where('organisation', '=', organisation)
      .where('name', '=', name)
      .orderBy('version', 'desc')
      .limit(ROLE_VERSIONS_KEPT)
      .execute()
    return rows.map((row) => ({
      organisation: row.organisation,
      name: row.name,
      text: row.text,
      version: row.version,
      updatedTime: row.updated_time,
      updatedBy: row.updated_by,
    }))
  }

  async countUse(uses: readonly Use[], keptFrom: number): Promise<void> {
    await this.#writes.run(async (transaction) => {
      for (let at = 0; at < uses.length; at += USES_PER_STATEMENT) {
        await transaction
          .insertInto('access_use')
          .values(uses.slice(at, at + USES_PER_STATEMENT))
          .onConflict((conflict) =>
            conflict.columns(['principal', 'action', 'day']).doUpdateSet(({ eb, ref }) => ({
              allowed: eb('access_use.allowed', '+', ref('excluded.allowed')),
              refused: eb('access_use.refused', '+', ref('excluded.refused')),
            })),
          )
          .execute()
      }
      await transaction.deleteFrom('access_use').where('day', '<', keptFrom).execute()
    })
  }

  async listUse(principals: readonly string[], sinceDay: number): Promise<readonly UseSum[]> {
    const sums: UseSum[] = []
    for (let at = 0; at < principals.length; at += USES_PER_STATEMENT) {
      const rows = await this.#db
        .selectFrom('access_use')
        .select(({ fn }) => [
          'principal',
          'action',
          fn.sum<number>('allowed').as('allowed'),
          fn.max('day').as('lastDay'),
        ])
        .where('day', '>=', sinceDay)
        .where('principal', 'in', principals.slice(at, at + USES_PER_STATEMENT))
        .groupBy(['principal', 'action'])
        .execute()
      sums.push(...rows.map(({ principal, action, allowed, lastDay }) => ({ principal, action, allowed, lastDay })))
    }
    return sums
  }

  #assignmentOf(row: Selectable<AssignmentTable>): Assignment {
    const node = parseNode(row.node)
    if (node === undefined) {
      throw new StoreDamagedError({
        file: this.#file,
        what: 'a role in it is given at what is no node',
        remedy: 'restore state.db from a backup',
      })
    }
    return {
      principal: row.principal,
      role: row.role,
      node,
      organisation: row.organisation,
      createdTime: row.created_time,
      createdBy: row.created_by,
    }
  }
}

async function apply(transaction: StateTransaction, change: AccessChange): Promise<Outcome> {
  switch (change.kind) {
    case 'add-organisation':
      return addOrganisation(transaction, change)
    case 'remove-organisation':
      return removeOrganisation(transaction, change.organisation)
    case 'add-site':
      await transaction.insertInto('site').values(change.site).execute()
      return 'written'
    case 'remove-site':
      return removeSite(transaction, change.site)
    case 'add-fleet':
      await transaction.insertInto('fleet').values(fleetRow(change.placement)).execute()
      return 'written'
    case 'remove-fleet':
      return removeFleet(transaction, change.placement)
    case 'write-role':
      return writeRole(transaction, change.role, change.found)
    case 'remove-role':
      return removeRole(transaction, change)
    case 'assign':
      return assign(transaction, change.assignment)
    case 'unassign': {
      const { principal, role, node } = change.assignment
      const { numDeletedRows } = await transaction
        .deleteFrom('access_assignment')
        .where('principal', '=', principal)
        .where('role', '=', role)
        .where('node', '=', formatNode(node))
        .executeTakeFirstOrThrow()
      return numDeletedRows === 0n ? 'missing' : 'written'
    }
    case 'unassign-all':
      await transaction.deleteFrom('access_assignment').where('principal', '=', change.principal).execute()
      return 'written'
    default:
      return assertNever(change)
  }
}

async function addOrganisation(
  transaction: StateTransaction,
  { organisation, placement, roles }: Extract<AccessChange, { kind: 'add-organisation' }>,
): Promise<Outcome> {
  const { name, isFirst, createdTime } = organisation
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('organisation')
    .values({ name, is_first: isFirst ? 1 : 0, created_time: createdTime })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows !== 1n) return 'exists'
  const { site } = placement
  await transaction.insertInto('site').values({ organisation: name, site }).execute()
  await transaction.insertInto('fleet').values(fleetRow(placement)).execute()
  for (const role of roles) await writeRole(transaction, role, undefined)
  return 'written'
}

async function removeOrganisation(transaction: StateTransaction, organisation: string): Promise<Outcome> {
  const inUse = await transaction
    .selectFrom('identity')
    .innerJoin('fleet', 'fleet.path', 'identity.fleet')
    .select('identity.device_id')
    .where('fleet.organisation', '=', organisation)
    .limit(1)
    .executeTakeFirst()
  if (inUse !== undefined) return 'in-use'
  await transaction.deleteFrom('organisation').where('name', '=', organisation).execute()
  return 'written'
}

async function removeSite(
  transaction: StateTransaction,
  { organisation, site }: { readonly organisation: string; readonly site: string },
): Promise<Outcome> {
  const fleet = await transaction
    .selectFrom('fleet')
    .select('path')
    .where('organisation', '=', organisation)
    .where('site', '=', site)
    .limit(1)
    .executeTakeFirst()
  if (fleet !== undefined) return 'in-use'
  await transaction.deleteFrom('site').where('organisation', '=', organisation).where('site', '=', site).execute()
  await forgetNode(transaction, { kind: 'site', organisation, site })
  return 'written'
}

async function removeFleet(transaction: StateTransaction, placement: Placement): Promise<Outcome> {
  const path = formatPlacement(placement)
  const device = await transaction
    .selectFrom('identity')
    .select('device_id')
    .where('fleet', '=', path)
    .limit(1)
    .executeTakeFirst()
  if (device !== undefined) return 'in-use'
  await transaction.deleteFrom('fleet').where('path', '=', path).execute()
  await forgetNode(transaction, { kind: 'fleet', ...placement })
  return 'written'
}

async function writeRole(transaction: StateTransaction, role: Role, found: string | undefined): Promise<Outcome> {
  const { organisation, name, text, version } = role
  if ((await roleEtag(transaction, role)) !== found) return 'conflict'
  const changed = { text, version, updated_time: role.updatedTime, updated_by: role.updatedBy }
  const row = { organisation, name, ...changed, etag: role.etag }
  await transaction
    .insertInto('access_role')
    .values(row)
    .onConflict((conflict) => conflict.columns(['organisation', 'name']).doUpdateSet({ ...changed, etag: role.etag }))
    .execute()
  // A role that was removed and made again begins with version 1.
  await transaction
    .insertInto('access_role_version')
    .values({ organisation, name, ...changed })
    .onConflict((conflict) => conflict.columns(['organisation', 'name', 'version']).doUpdateSet(changed))
    .execute()
  await transaction
    .deleteFrom('access_role_version')
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .where('version', '<=', version - ROLE_VERSIONS_KEPT)
    .execute()
  return 'written'
}

async function removeRole(
  transaction: StateTransaction,
  { organisation, name, found }: Extract<AccessChange, { kind: 'remove-role' }>,
): Promise<Outcome> {
  if ((await roleEtag(transaction, { organisation, name })) !== found) return 'conflict'
  // Assignments go by the foreign key.
  for (const table of ['access_role', 'access_role_version'] as const) {
    await transaction.deleteFrom(table).where('organisation', '=', organisation).where('name', '=', name).execute()
  }
  return 'written'
}

async function assign(transaction: StateTransaction, assignment: Assignment): Promise<Outcome> {
  const { principal, role, node, organisation, createdTime, createdBy } = assignment
  await transaction
    .insertInto('access_assignment')
    .values({
      principal,
      role,
      node: formatNode(node),
      organisation,
      created_time: createdTime,
      created_by: createdBy,
    })
    .onConflict((conflict) =>
      // The same node is of one organisation at a time; a device that has moved brings its assignments along.
      conflict.columns(['principal', 'role', 'node']).doUpdateSet({ organisation }),
    )
    .execute()
  return 'written'
}

async function roleEtag(
  transaction: StateTransaction,
  { organisation, name }: Pick<Role, 'organisation' | 'name'>,
): Promise<string | undefined> {
  const row = await transaction
    .selectFrom('access_role')
    .select('etag')
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.etag
}

async function forgetNode(transaction: StateTransaction, node: Node): Promise<void> {
  await transaction.deleteFrom('access_assignment').where('node', '=', formatNode(node)).execute()
}

function fleetRow(placement: Placement): Placement & { readonly path: string } {
  const { organisation, site, fleet } = placement
  return { organisation, site, fleet, path: formatPlacement(placement) }
}

function roleOf(row: Selectable<RoleTable>): Role {
  return {
    organisation: row.organisation,
    name: row.name,
    text: row.text,
    version: row.version,
    etag: row.etag,
    updatedTime: row.updated_time,
    updatedBy: row.updated_by,
  }
}
