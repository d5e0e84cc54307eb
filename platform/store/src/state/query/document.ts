/** The documents of rows: as they are read whole, and what a query selects of them. */

import { timestampOf } from '@holdfast/base'
import { formatTwin, type Path, type PathColumn, type TwinView } from '@holdfast/iothub'
import { integerOf, optionalIntegerOf, type Row, textOf } from '../../sqlite/row.ts'
import { COMMANDS } from './fields.ts'
import { sql } from './sql-text.ts'

/** What a document needs, beside the keys of the row; of `i`, `t` and `p`. */
export const DOCUMENT_COLUMNS = sql`i.etag AS device_etag, i.status, i.status_reason, i.status_updated_time,
  i.authentication, i.primary_thumbprint, i.secondary_thumbprint, i.iot_edge,
  coalesce(i.device_scope, i.parent_scope) AS scope, i.parent_scope,
  t.version, t.etag, t.tags, t.desired, t.desired_metadata, t.desired_version,
  t.reported, t.reported_metadata, t.reported_version,
  p.connected, p.last_activity, p.model_id, ${COMMANDS} AS commands`

/** JSON text. */
export function documentOf(row: Row): string {
  const moduleId = textOf(row, 'module_id')
  const statusReason = optionalTextOf(row, 'status_reason')
  const lastActivity = optionalIntegerOf(row, 'last_activity')
  const modelId = optionalTextOf(row, 'model_id')
  const deviceScope = optionalTextOf(row, 'scope')
  const parentScope = optionalTextOf(row, 'parent_scope')
  const primaryThumbprint = optionalTextOf(row, 'primary_thumbprint')
  const secondaryThumbprint = optionalTextOf(row, 'secondary_thumbprint')
  const view: TwinView = {
    deviceId: textOf(row, 'device_id'),
    ...(moduleId === '' ? {} : { moduleId }),
    twin: {
      version: integerOf(row, 'version'),
      etag: textOf(row, 'etag'),
      tags: textOf(row, 'tags'),
      desired: sectionOf(row, 'desired'),
      reported: sectionOf(row, 'reported'),
    },
    deviceEtag: textOf(row, 'device_etag'),
    status: textOf(row, 'status') === 'enabled' ? 'enabled' : 'disabled',
    ...(statusReason === undefined ? {} : { statusReason }),
    statusUpdatedTime: timestampOf(integerOf(row, 'status_updated_time')),
    connectionState: optionalIntegerOf(row, 'connected') === 1 ? 'Connected' : 'Disconnected',
    ...(lastActivity === undefined ? {} : { lastActivityTime: timestampOf(lastActivity) }),
    cloudToDeviceMessageCount: integerOf(row, 'commands'),
    authenticationType: authenticationOf(textOf(row, 'authentication')),
    x509Thumbprint: {
      ...(primaryThumbprint === undefined ? {} : { primaryThumbprint }),
      ...(secondaryThumbprint === undefined ? {} : { secondaryThumbprint }),
    },
    ...(modelId === undefined ? {} : { modelId }),
    capabilities: { iotEdge: integerOf(row, 'iot_edge') === 1 },
    ...(deviceScope === undefined ? {} : { deviceScope }),
    ...(parentScope === undefined ? {} : { parentScopes: [parentScope] }),
  }
  return formatTwin(view)
}

function sectionOf(row: Row, name: 'desired' | 'reported'): TwinView['twin']['desired'] {
  return {
    properties: textOf(row, name),
    metadata: textOf(row, `${name}_metadata`),
    version: integerOf(row, `${name}_version`),
  }
}

/** JSON text of the object that the columns make of a document; what is not there is left out. */
export function selected(document: string, columns: readonly PathColumn[]): string {
  const whole: unknown = JSON.parse(document)
  const members: string[] = []
  for (const { path, name } of columns) {
    const value = valueAt(whole, path)
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`)
  }
  return `{${members.join(',')}}`
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined
    }
    value = Reflect.get(value, name)
  }
  return value
}

function optionalTextOf(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column)
}

function authenticationOf(text: string): TwinView['authenticationType'] {
  switch (text) {
    case 'sas':
    case 'selfSigned':
    case 'certificateAuthority':
    case 'none':
      return text
    default:
      throw new TypeError('the table lets no other authentication in')
  }
}
