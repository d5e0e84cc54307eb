/**
 * The MQTT user name, read together with the client id (azure-iot.md §3 and §6):
 *
 *     {host}/{device}[/{module}]/?api-version=…&model-id=…&DeviceClientType=…   client id {device}[/{module}]
 *     {host}/{device}[/{module}]/api-version=…                                   the same, of old clients
 *     {idScope}/registrations/{id}/api-version=…&ClientVersion=…                client id {id}
 *
 * Ids may hold `?` and `=`, so the user name alone has two readings; with the client id, which must agree, it has one.
 */

import { parseApiVersion } from './api-version.ts'
import { HubFormatError } from './errors.ts'
import { isDeviceId, isModuleId } from './ids.ts'
import type { DeviceId, ModuleId } from './ids.ts'
import {
  HOST_CHARACTERS_MAX,
  ID_CHARACTERS_MAX,
  ID_SCOPE_CHARACTERS_MAX,
  MODEL_ID_CHARACTERS_MAX,
  USER_NAME_CHARACTERS_MAX,
} from './limits.ts'
import { decodeComponent, splitQuery } from './parameters.ts'

/** A device or module that says it is at home in the hub `hostName`. */
export interface HubUserName {
  readonly service: 'hub'
  /** Lower case, as the client has it: a port may stand behind it. */
  readonly hostName: string
  readonly deviceId: DeviceId
  readonly moduleId?: ModuleId
  readonly apiVersion: string
  /** DTDL model id, decoded. */
  readonly modelId?: string
  /** What the client says of its own make, decoded. Not to be trusted. */
  readonly clientType?: string
}

/** A device that wants to be provisioned. */
export interface ProvisioningUserName {
  readonly service: 'provisioning'
  /** As received; id scopes are case-insensitive. */
  readonly idScope: string
  /** As received in the user name; registration ids are case-insensitive. */
  readonly registrationId: string
  readonly apiVersion: string
  readonly clientVersion?: string
}

export type UserName = HubUserName | ProvisioningUserName

// RFC 1123 names, IPv4, IPv6 in brackets; a port. Only what can stand in a log line and in a comparison.
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/
const ID_SCOPE = /^[A-Za-z0-9-]+$/
const REGISTRATION_ID = /^[A-Za-z0-9\-._:]*[A-Za-z0-9-]$/
const MODEL_ID = /^dtmi:[A-Za-z0-9_:]+;[0-9.]+$/

/**
 * Reads the user name of a CONNECT.
 * @throws HubFormatError `bad-client-id`, `bad-user-name`, `client-id-mismatch`, `bad-api-version`.
 */
export function parseUserName(userName: string, clientId: string): UserName {
  if (userName.length > USER_NAME_CHARACTERS_MAX) throw new HubFormatError('bad-user-name', 'the user name is too long')
  const identity = parseClientId(clientId)
  const at = userName.indexOf('/')
  if (at <= 0) throw new HubFormatError('bad-user-name', 'the user name has no host')
  const host = userName.slice(0, at)
  const path = userName.slice(at + 1)
  const hubQuery = path.startsWith(`${clientId}/`) ? queryOf(path.slice(clientId.length + 1)) : undefined
  if (hubQuery !== undefined) return hubUserName(host, identity, hubQuery)
  const registration = /^registrations\/([^/]+)\/(.*)$/s.exec(path)
  const registrationQuery = queryOf(registration?.[2] ?? '')
  if (registration !== null && registrationQuery !== undefined) {
    const registrationId = registration[1] ?? ''
    if (registrationId.toLowerCase() !== clientId.toLowerCase()) {
      throw new HubFormatError('client-id-mismatch', 'the client id is not the registration id of the user name')
    }
    return provisioningUserName(host, registrationId, registrationQuery)
  }
  if (/^[^/]+(?:\/[^/]+)?\/(?:\?|api-version=)/.test(path)) {
    throw new HubFormatError('client-id-mismatch', 'user name and client id name different identities')
  }
  throw new HubFormatError('bad-user-name', 'the user name has no known form')
}

/** @throws HubFormatError `bad-client-id` unless it is `{device}` or `{device}/{module}`. */
export function parseClientId(clientId: string): { readonly deviceId: DeviceId; readonly moduleId?: ModuleId } {
  const at = clientId.indexOf('/')
  const deviceId = at < 0 ? clientId : clientId.slice(0, at)
  if (!isDeviceId(deviceId)) throw new HubFormatError('bad-client-id', 'the client id begins with no device id')
  if (at < 0) return { deviceId }
  const moduleId = clientId.slice(at + 1)
  if (!isModuleId(moduleId)) throw new HubFormatError('bad-client-id', 'the client id ends with no module id')
  return { deviceId, moduleId }
}

function hubUserName(
  host: string,
  identity: { readonly deviceId: DeviceId; readonly moduleId?: ModuleId },
  query: ReadonlyMap<string, string>,
): HubUserName {
  if (host.length > HOST_CHARACTERS_MAX || !HOST.test(host)) {
    throw new HubFormatError('bad-user-name', 'the user name begins with no host name')
  }
  const modelId = modelIdOf(query)
  const clientType = descriptionOf(query, 'DeviceClientType')
  return {
    service: 'hub',
    hostName: host.toLowerCase(),
    ...identity,
    apiVersion: apiVersionOf(query),
    ...(modelId !== undefined && { modelId }),
    ...(clientType !== undefined && { clientType }),
  }
}

function provisioningUserName(
  idScope: string,
  registrationId: string,
  query: ReadonlyMap<string, string>,
): ProvisioningUserName {
  if (idScope.length > ID_SCOPE_CHARACTERS_MAX || !ID_SCOPE.test(idScope)) {
    throw new HubFormatError('bad-user-name', 'the user name begins with no id scope')
  }
  if (registrationId.length > ID_CHARACTERS_MAX || !REGISTRATION_ID.test(registrationId)) {
    throw new HubFormatError('bad-user-name', 'the user name has no registration id')
  }
  const clientVersion = descriptionOf(query, 'ClientVersion')
  return {
    service: 'provisioning',
    idScope,
    registrationId,
    apiVersion: apiVersionOf(query),
    ...(clientVersion !== undefined && { clientVersion }),
  }
}

/** The parameters, if `text` is `?…` or `api-version=…`; undefined if it is neither. */
function queryOf(text: string): ReadonlyMap<string, string> | undefined {
  if (text.startsWith('?')) return parametersOf(text.slice(1))
  return text.startsWith('api-version=') ? parametersOf(text) : undefined
}

function parametersOf(text: string): ReadonlyMap<string, string> {
  const query = splitQuery(text)
  if (query === undefined) throw new HubFormatError('bad-user-name', 'a parameter of the user name stands twice')
  return query
}

function apiVersionOf(query: ReadonlyMap<string, string>): string {
  return parseApiVersion(query.get('api-version') ?? '')
}

function modelIdOf(query: ReadonlyMap<string, string>): string | undefined {
  const received = query.get('model-id')
  if (received === undefined || received === '') return undefined
  // Node sends it as it is, Python encoded; decoding once serves both, for a model id holds no percent sign.
  const modelId = decodeComponent(received)
  if (modelId === undefined || modelId.length > MODEL_ID_CHARACTERS_MAX || !MODEL_ID.test(modelId)) {
    throw new HubFormatError('bad-user-name', 'model-id is no digital twin model identifier')
  }
  return modelId
}

/** What a client says of itself decides nothing, so that a sloppily encoded one is kept as it came. */
function descriptionOf(query: ReadonlyMap<string, string>, name: string): string | undefined {
  const received = query.get(name)
  return received === undefined || received === '' ? undefined : (decodeComponent(received) ?? received)
}
