/**
 * Walking one range of an index in its own order: the rows behind a cursor, and where a step of so many rows ends.
 *
 * The order is that of (value, device_id, module_id) in the index of tags, and of (device_id, module_id) otherwise.
 */

import type { SQLInputValue } from 'node:sqlite'
import type { QuerySource } from '@holdfast/iothub'
import type { Access, Range } from './access.ts'
import { type Sql, sql } from './sql-text.ts'

/** The last row that was looked at. */
export interface Cursor {
  /** Of the tag; absent where rows are walked by device id. */
  readonly value?: string | number
  readonly deviceId: string
  /** '' for a device. */
  readonly moduleId: string
}

export interface RangeSql {
  /** `FROM …`, with `i` for the identity and its keys in the index's order. */
  readonly from: Sql
  /** Condition: within the range, and behind the cursor if there is one. */
  readonly within: Sql
  /** The keys of the order, as columns and as a row to compare. */
  readonly keys: Sql
  readonly order: Sql
  readonly values: Readonly<Record<string, SQLInputValue>>
}

export function rangeSql(access: Access, range: Range, source: QuerySource, after: Cursor | undefined): RangeSql {
  return access.kind === 'tag' ? tagRange(access, range, source, after) : idRange(range, source, after)
}

function idRange(range: Range, source: QuerySource, after: Cursor | undefined): RangeSql {
  const upper =
    range.high === undefined ? sql`` : range.isHighOpen ? sql` AND i.device_id < :high` : sql` AND i.device_id <= :high`
  const values = {
    ...(range.high === undefined ? {} : { high: range.high }),
    ...(after === undefined ? { low: range.low } : { afterDevice: after.deviceId }),
  }
  if (source === 'devices') {
    const lower = after === undefined ? sql`i.device_id >= :low` : sql`i.device_id > :afterDevice`
    return {
      // The index of devices alone: modules between them are not stepped over one by one.
      from: sql`FROM identity AS i INDEXED BY device_by_id`,
      within: sql`i.module_id = '' AND ${lower}${upper}`,
      keys: sql`i.device_id AS device_id, '' AS module_id`,
      order: sql`i.device_id`,
      values,
    }
  }
  const lower =
    after === undefined ? sql`i.device_id >= :low` : sql`(i.device_id, i.module_id) > (:afterDevice, :afterModule)`
  return {
    from: sql`FROM identity AS i INDEXED BY sqlite_autoindex_identity_1`,
    within: sql`${lower}${upper}`,
    keys: sql`i.device_id AS device_id, i.module_id AS module_id`,
    order: sql`i.device_id, i.module_id`,
    values: { ...values, ...(after === undefined ? {} : { afterModule: after.moduleId }) },
  }
}

function tagRange(
  access: Extract<Access, { kind: 'tag' }>,
  range: Range,
  source: QuerySource,
  after: Cursor | undefined,
): RangeSql {
  const upper =
    range.high === undefined ? sql`` : range.isHighOpen ? sql` AND v.value < :high` : sql` AND v.value <= :high`
  const lower =
    after === undefined
      ? sql`v.value >= :low`
      : sql`(v.value, v.device_id, v.module_id) > (:afterValue, :afterDevice, :afterModule)`
  return {
    from: sql`FROM tag_value AS v CROSS JOIN identity AS i ON i.device_id = v.device_id AND i.module_id = v.module_id`,
    within: sql`v.is_module = :isModule AND v.path = :path AND v.kind = :kind AND ${lower}${upper}`,
    keys: sql`v.value AS value, v.device_id AS device_id, v.module_id AS module_id`,
    order: sql`v.value, v.device_id, v.module_id`,
    values: {
      isModule: source === 'devices' ? 0 : 1,
      path: access.path,
      kind: range.kind,
      ...(range.high === undefined ? {} : { high: range.high }),
      ...(after === undefined
        ? { low: range.low }
        : { afterValue: after.value ?? range.low, afterDevice: after.deviceId, afterModule: after.moduleId }),
    },
  }
}

/** The row that ends a step of `:step` rows; none where fewer are left. */
export function stepEnd({ from, within, keys, order }: RangeSql): Sql {
  return sql`SELECT ${keys} ${from} WHERE ${within} ORDER BY ${order} LIMIT 1 OFFSET :step - 1`
}

/** Condition: not behind the row that ends a step. */
export function untilSql(access: Access, source: QuerySource): Sql {
  if (access.kind === 'tag') {
    return sql`(v.value, v.device_id, v.module_id) <= (:untilValue, :untilDevice, :untilModule)`
  }
  return source === 'devices'
    ? sql`i.device_id <= :untilDevice`
    : sql`(i.device_id, i.module_id) <= (:untilDevice, :untilModule)`
}

export function untilValues(access: Access, source: QuerySource, end: Cursor): Readonly<Record<string, SQLInputValue>> {
  if (access.kind === 'tag') {
    return { untilValue: end.value ?? '', untilDevice: end.deviceId, untilModule: end.moduleId }
  }
  return source === 'devices' ? { untilDevice: end.deviceId } : { untilDevice: end.deviceId, untilModule: end.moduleId }
}

/** Counts the entries of a range, up to `:limit`. */
export function probeOf(
  access: Access,
  range: Range,
  source: QuerySource,
): { readonly text: Sql; readonly values: Readonly<Record<string, SQLInputValue>> } {
  const { from, within, values } = rangeSql(access, range, source, undefined)
  return { text: sql`SELECT count(*) AS entries FROM (SELECT 1 ${from} WHERE ${within} LIMIT :limit)`, values }
}
