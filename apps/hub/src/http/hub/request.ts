/** What a request to the hub's REST interface says, read at the border: ids, conditions, bodies. */

import type { Static, TSchema } from 'typebox'
import Value from 'typebox/value'
import type { Found, IdentityKey } from '@holdfast/identity'
import { isDeviceId, isModuleId } from '@holdfast/iothub'
import { BODY_BYTES_MAX } from '../guard.ts'
import { HubError } from './errors.ts'
import type { HubCall } from './routes.ts'

/** Faults named in one answer. */
const FAULTS_MAX = 8

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * A parameter of the path, decoded and not checked.
 * @throws TypeError if the route's path has none of this name: a bug.
 */
export function parameter(call: HubCall, name: string): string {
  const value = call.parameters.get(name)
  if (value === undefined) throw new TypeError(`the route has no parameter ${name}`)
  return value
}

/**
 * The identity that the path names by `:device` and, where the route has it, `:module`.
 * @throws HubError `ArgumentInvalid`.
 */
export function identityOf(call: HubCall): IdentityKey {
  const deviceId = parameter(call, 'device')
  if (!isDeviceId(deviceId)) throw new HubError('ArgumentInvalid', 'The device id in the address has a wrong form.')
  const moduleId = call.parameters.get('module')
  if (moduleId === undefined) return { deviceId }
  if (!isModuleId(moduleId)) throw new HubError('ArgumentInvalid', 'The module id in the address has a wrong form.')
  return { deviceId, moduleId }
}

/**
 * `If-Match` (RFC 9110 §13.1.1): one ETag or `*`, and SDKs put quotes around both. Undefined without the header.
 * @throws HubError `ArgumentInvalid` for an empty one, or a list.
 */
export function ifMatch(call: HubCall): Found | undefined {
  const header = call.context.req.header('if-match')
  return header === undefined ? undefined : parseIfMatch(header)
}

export function parseIfMatch(header: string): Found {
  const text = header.trim().replace(/^W\//, '')
  const etag = /^"([^"]*)"$/.exec(text)?.[1] ?? text
  if (etag === '' || etag.includes('"') || etag.includes(',')) {
    throw new HubError('ArgumentInvalid', 'If-Match takes one ETag, or *.')
  }
  return etag === '*' ? { kind: 'present' } : { kind: 'etag', etag }
}

/**
 * The bytes of the body, bounded while they arrive; none without one.
 * @throws HubError `MessageTooLarge`.
 */
export async function readBody(call: HubCall, bytesMax: number = BODY_BYTES_MAX): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of call.context.req.raw.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new HubError('MessageTooLarge', `The body is longer than ${bytesMax} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * The bytes of a body that is there and, as far as it says, JSON.
 * @throws HubError `MessageTooLarge`, `ArgumentNull` for no body, `GenericUnsupportedMediaType` for one that says it is
 *   something else.
 */
export async function readJsonBytes(call: HubCall, bytesMax?: number): Promise<Uint8Array> {
  const body = await readBody(call, bytesMax)
  if (body.length === 0) throw new HubError('ArgumentNull', 'This request needs a body.')
  const type = call.context.req.header('content-type')
  if (type !== undefined && !/^application\/(?:json|merge-patch\+json)\s*(?:;|$)/i.test(type)) {
    throw new HubError('GenericUnsupportedMediaType', 'The body has to be application/json.')
  }
  return body
}

/**
 * The body as JSON of any form.
 * @throws HubError as `readJsonBytes`, and `IotHubFormatError` for what is not UTF-8 or not JSON.
 */
export async function readJsonValue(call: HubCall, bytesMax?: number): Promise<unknown> {
  const body = await readJsonBytes(call, bytesMax)
  try {
    return JSON.parse(decoder.decode(body)) as unknown
  } catch {
    throw new HubError('IotHubFormatError', 'The body is not JSON in UTF-8.')
  }
}

/**
 * The body as `schema` describes it. Schemas here allow members they do not name: SDKs send back whole documents.
 * @throws HubError as `readJsonValue`, and `ArgumentInvalid` naming what is wrong and where.
 */
export async function readJson<S extends TSchema>(call: HubCall, schema: S, bytesMax?: number): Promise<Static<S>> {
  return checked(await readJsonValue(call, bytesMax), schema)
}

/** @throws HubError `ArgumentInvalid`. */
export function checked<S extends TSchema>(value: unknown, schema: S): Static<S> {
  if (Value.Check(schema, value)) return value
  const faults: string[] = []
  for (const { instancePath, message } of Value.Errors(schema, value)) {
    faults.push(`${instancePath === '' ? 'the body' : instancePath.slice(0, 128)} ${message}`)
    if (faults.length >= FAULTS_MAX) break
  }
  throw new HubError('ArgumentInvalid', `The body is not of the form it must have: ${faults.join(', ')}.`)
}
