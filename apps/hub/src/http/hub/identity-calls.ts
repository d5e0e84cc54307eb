/** What the routes of devices, modules and bulk operations have in common. */

import type { Cut, Identity, IdentityKey } from '@holdfast/identity'
import { identitySubject } from '@holdfast/identity'
import { actorName } from '../../people/actor.ts'
import { etagHeader, json } from './answer.ts'
import { HubError } from './errors.ts'
import { identityDocument } from './identity-document.ts'
import { changeOf, IdentityBody } from './identity-words.ts'
import { ifMatch, readJson } from './request.ts'
import type { HubCall } from './routes.ts'

/** Bytes of one identity's document: some 2 KiB are needed, and clients send what they read. */
const IDENTITY_BODY_BYTES_MAX = 65_536

/** The key alone, without the rest of an identity. */
export function keyOf({ deviceId, moduleId }: IdentityKey): IdentityKey {
  return { deviceId, ...(moduleId === undefined ? {} : { moduleId }) }
}

/** @throws HubError `DeviceNotFound`, or `ModuleNotFound` when only the module is not there. */
export async function existing(call: HubCall, key: IdentityKey): Promise<Identity> {
  const { registry } = call.services
  const identity = await registry.read(key)
  if (identity !== undefined) return identity
  const { deviceId, moduleId } = key
  if (moduleId !== undefined && (await registry.read({ deviceId })) !== undefined) {
    throw new HubError('ModuleNotFound', `Module ${moduleId} on device ${deviceId} not registered`)
  }
  throw new HubError('DeviceNotFound', `Device ${deviceId} not registered`)
}

/**
 * `PUT`: with `If-Match` a change of what is there, without it a creation.
 * @throws HubError, IdentityError.
 */
export async function put(call: HubCall, key: IdentityKey): Promise<Response> {
  const found = ifMatch(call)
  const body = await readJson(call, IdentityBody, IDENTITY_BODY_BYTES_MAX)
  expectId('deviceId', body.deviceId, key.deviceId)
  expectId('moduleId', body.moduleId, key.moduleId)
  const { registry } = call.services
  const actor = actorName(call.actor)
  const isModule = key.moduleId !== undefined
  if (found === undefined) {
    const created = await registry.create({ ...key, ...changeOf(body, isModule) }, actor)
    return one(call, created)
  }
  const current = await existing(call, key)
  const { identity, cuts } = await registry.update(key, changeOf(body, isModule, current), actor, found)
  await cutOff(call, cuts)
  disclosed(call, [identity])
  return one(call, identity)
}

/** @throws HubError. */
export async function get(call: HubCall, key: IdentityKey): Promise<Response> {
  const identity = await existing(call, key)
  disclosed(call, [identity])
  return one(call, identity)
}

export async function remove(call: HubCall, key: IdentityKey): Promise<Response> {
  const found = ifMatch(call)
  await existing(call, key)
  const { cuts } = await call.services.registry.delete(key, actorName(call.actor), found)
  await cutOff(call, cuts)
  return new Response(null, { status: 204 })
}

export async function list(call: HubCall, identities: readonly Identity[]): Promise<Response> {
  disclosed(call, identities)
  return json(await shown(call, identities))
}

/** Done when no session rests on what was taken away. */
export async function cutOff(call: HubCall, cuts: readonly Cut[]): Promise<void> {
  if (cuts.length > 0) await call.services.sessions.cutOff(cuts)
}

async function one(call: HubCall, identity: Identity): Promise<Response> {
  const [document] = await shown(call, [identity])
  return json(document, 200, etagHeader(identity.etag))
}

async function shown(call: HubCall, identities: readonly Identity[]): Promise<readonly object[]> {
  const { presence, commands } = call.services
  const keys = identities.map((identity) => keyOf(identity))
  const [facts, counts] = await Promise.all([presence.of(keys), commands.count(keys)])
  return identities.map((identity, at) =>
    identityDocument(identity, { isConnected: false, ...facts[at], commands: counts[at] ?? 0 }),
  )
}

/** Azure shows keys to whoever may read the registry; here that is an event, one for a whole list. */
function disclosed(call: HubCall, identities: readonly Identity[]): void {
  const [first, ...others] = identities.filter(({ authentication }) => authentication.kind === 'sas')
  if (first === undefined) return
  const { events, clock } = call.services
  events.sink({
    type: 'identity.secret-disclosed',
    at: clock.wall(),
    subject: others.length === 0 ? identitySubject(first) : 'devices',
    actor: actorName(call.actor),
    detail: { identities: others.length + 1 },
  })
}

function expectId(name: string, said: string | null | undefined, id: string | undefined): void {
  if ((said ?? id) !== id) {
    throw new HubError('ArgumentInvalid', `The ${name} of the body is not that of the address.`)
  }
}
