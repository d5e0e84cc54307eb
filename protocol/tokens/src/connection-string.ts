/** Connection strings: `Name=value;Name=value` (azure-iot.md §2), as the SDKs read them. */

import { TokenError } from './errors.ts'
import { CONNECTION_STRING_CHARACTERS_MAX, CONNECTION_STRING_FIELDS_MAX } from './limits.ts'
import { isKey } from './symmetric-key.ts'

/** How the holder of a connection string proves itself. */
export type Credential =
  /** Base64 of 16 to 64 bytes. */
  | { readonly kind: 'key'; readonly key: string }
  /** The text of a token, with `SharedAccessSignature ` before it. */
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'x509' }

/** A device, or with `moduleId` a module. */
export interface DeviceConnectionString {
  readonly kind: 'device'
  readonly hostName: string
  readonly deviceId: string
  readonly moduleId?: string
  readonly gatewayHostName?: string
  readonly policyName?: string
  readonly credential: Credential
}

/** The hub's service side and, in the same form, that of the provisioning service. */
export interface ServiceConnectionString {
  readonly kind: 'service'
  readonly hostName: string
  readonly policyName: string
  readonly credential: Exclude<Credential, { kind: 'x509' }>
}

/** The Event Hubs-compatible endpoint. */
export interface EventHubConnectionString {
  readonly kind: 'event-hub'
  /** `sb://host/` or `sb://host:port/`. */
  readonly endpoint: string
  readonly policyName?: string
  readonly credential: Exclude<Credential, { kind: 'x509' }>
  readonly entityPath?: string
}

export type ConnectionString = DeviceConnectionString | ServiceConnectionString | EventHubConnectionString

const FIELDS = [
  'HostName',
  'DeviceId',
  'ModuleId',
  'GatewayHostName',
  'SharedAccessKeyName',
  'SharedAccessKey',
  'SharedAccessSignature',
  'x509',
  'Endpoint',
  'EntityPath',
] as const
type Field = (typeof FIELDS)[number]
const FIELD_BY_LOWER: ReadonlyMap<string, Field> = new Map(FIELDS.map((field) => [field.toLowerCase(), field]))

/**
 * Parses any of the forms. Names of fields are read in any case, each may stand once, and only the first `=` divides.
 * @throws TokenError `too-large`, `malformed`, `unknown-field`, `duplicate-field`, `missing-field`, `bad-credential`,
 * `bad-key`.
 */
export function parseConnectionString(text: string): ConnectionString {
  const fields = fieldsOf(text)
  const credential = credentialOf(fields)
  if (fields.has('Endpoint')) {
    const endpoint = required(fields, 'Endpoint')
    if (!/^sb:\/\/[^/]+\/?$/i.test(endpoint)) throw new TokenError('malformed', 'Endpoint is sb://host/')
    if (credential.kind === 'x509') throw new TokenError('bad-credential', 'x509 is for devices')
    allowOnly(fields, ['Endpoint', 'SharedAccessKeyName', 'SharedAccessKey', 'SharedAccessSignature', 'EntityPath'])
    if (credential.kind === 'key') required(fields, 'SharedAccessKeyName')
    return {
      kind: 'event-hub',
      endpoint,
      ...(fields.has('SharedAccessKeyName') && { policyName: required(fields, 'SharedAccessKeyName') }),
      credential,
      ...(fields.has('EntityPath') && { entityPath: required(fields, 'EntityPath') }),
    }
  }
  const hostName = required(fields, 'HostName')
  if (fields.has('DeviceId')) {
    allowOnly(
      fields,
      FIELDS.filter((field) => field !== 'EntityPath'),
    )
    return {
      kind: 'device',
      hostName,
      deviceId: required(fields, 'DeviceId'),
      ...(fields.has('ModuleId') && { moduleId: required(fields, 'ModuleId') }),
      ...(fields.has('GatewayHostName') && { gatewayHostName: required(fields, 'GatewayHostName') }),
      ...(fields.has('SharedAccessKeyName') && { policyName: required(fields, 'SharedAccessKeyName') }),
      credential,
    }
  }
  if (credential.kind === 'x509') throw new TokenError('bad-credential', 'x509 is for devices')
  allowOnly(fields, ['HostName', 'SharedAccessKeyName', 'SharedAccessKey', 'SharedAccessSignature'])
  return { kind: 'service', hostName, policyName: required(fields, 'SharedAccessKeyName'), credential }
}

/**
 * Writes the text that `parseConnectionString` reads back. The text holds the credential: it is a secret.
 * @throws TypeError if a value is empty or holds `;` or a control character.
 */
export function formatConnectionString(connection: ConnectionString): string {
  switch (connection.kind) {
    case 'device':
      return joined([
        ['HostName', connection.hostName],
        ['DeviceId', connection.deviceId],
        ['ModuleId', connection.moduleId],
        ['GatewayHostName', connection.gatewayHostName],
        ['SharedAccessKeyName', connection.policyName],
        credentialField(connection.credential),
      ])
    case 'service':
      return joined([
        ['HostName', connection.hostName],
        ['SharedAccessKeyName', connection.policyName],
        credentialField(connection.credential),
      ])
    case 'event-hub':
      return joined([
        ['Endpoint', connection.endpoint],
        ['SharedAccessKeyName', connection.policyName],
        credentialField(connection.credential),
        ['EntityPath', connection.entityPath],
      ])
  }
}

function fieldsOf(text: string): Map<Field, string> {
  if (text.length > CONNECTION_STRING_CHARACTERS_MAX) {
    throw new TokenError('too-large', 'the connection string is too long')
  }
  if (hasControls(text)) throw new TokenError('malformed', 'a connection string is one line')
  const parts = text.replace(/;$/, '').split(';', CONNECTION_STRING_FIELDS_MAX + 1)
  if (parts.length > CONNECTION_STRING_FIELDS_MAX) {
    throw new TokenError('too-large', 'the connection string has too many fields')
  }
  const fields = new Map<Field, string>()
  for (const part of parts) {
    const at = part.indexOf('=')
    if (at < 0) throw new TokenError('malformed', 'a field of the connection string has no value')
    const field = FIELD_BY_LOWER.get(part.slice(0, at).toLowerCase())
    if (field === undefined) throw new TokenError('unknown-field', 'a field of the connection string is not known')
    if (fields.has(field)) throw new TokenError('duplicate-field', `${field} stands twice`)
    if (at + 1 === part.length) throw new TokenError('malformed', `${field} is empty`)
    fields.set(field, part.slice(at + 1))
  }
  return fields
}

function credentialOf(fields: ReadonlyMap<Field, string>): Credential {
  const found: Credential[] = []
  const key = fields.get('SharedAccessKey')
  if (key !== undefined) {
    if (!isKey(key)) throw new TokenError('bad-key', 'SharedAccessKey is base64 of 16 to 64 bytes')
    found.push({ kind: 'key', key })
  }
  const token = fields.get('SharedAccessSignature')
  if (token !== undefined) found.push({ kind: 'token', token })
  const x509 = fields.get('x509')
  if (x509 !== undefined) {
    if (x509.toLowerCase() !== 'true') throw new TokenError('malformed', 'x509 is true or not there')
    found.push({ kind: 'x509' })
  }
  const [credential] = found
  if (credential === undefined || found.length > 1) {
    throw new TokenError('bad-credential', 'a connection string has exactly one credential')
  }
  return credential
}

function required(fields: ReadonlyMap<Field, string>, field: Field): string {
  const value = fields.get(field)
  if (value === undefined) throw new TokenError('missing-field', `the connection string has no ${field}`)
  return value
}

function allowOnly(fields: ReadonlyMap<Field, string>, allowed: readonly Field[]): void {
  for (const field of fields.keys()) {
    if (!allowed.includes(field)) throw new TokenError('unknown-field', `${field} does not belong here`)
  }
}

function credentialField(credential: Credential): readonly [Field, string] {
  switch (credential.kind) {
    case 'key':
      return ['SharedAccessKey', credential.key]
    case 'token':
      return ['SharedAccessSignature', credential.token]
    case 'x509':
      return ['x509', 'true']
  }
}

function joined(fields: readonly (readonly [Field, string | undefined])[]): string {
  const parts: string[] = []
  for (const [field, value] of fields) {
    if (value === undefined) continue
    if (value === '' || value.includes(';') || hasControls(value)) throw new TypeError(`${field} cannot be written`)
    parts.push(`${field}=${value}`)
  }
  return parts.join(';')
}

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 || unit === 0x7f) return true
  }
  return false
}
