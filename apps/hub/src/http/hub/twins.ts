/** Twins of devices and modules, as services read and write them (azure-iot.md §8). */

import { type Identity, type IdentityKey, scopesOf } from '@holdfast/identity'
import {
  formatTwin,
  type ServiceTwinChange,
  readTwinPatch,
  readTwinReplacement,
  type Twin,
  type TwinView,
} from '@holdfast/iothub'
import type { PresenceFacts } from '../../core/presence.ts'
import { actorName } from '../../people/actor.ts'
import { etagHeader } from './answer.ts'
import { existing } from './identity-calls.ts'
import { identityOf, ifMatch, readJsonBytes } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

const DEVICE = '/twins/:device'
const MODULE = `${DEVICE}/modules/:module` as const

/** Azure has no right for twins alone: who may talk to devices may say what is desired of them. */
export const TWIN_ROUTES: readonly HubRoute[] = ([DEVICE, MODULE] as const).flatMap((path): readonly HubRoute[] => [
  { method: 'GET', path, rights: ['ServiceConnect'], answer: read },
  { method: 'PATCH', path, rights: ['ServiceConnect'], answer: (call) => write(call, readTwinPatch) },
  { method: 'PUT', path, rights: ['ServiceConnect'], answer: (call) => write(call, readTwinReplacement) },
])

async function read(call: HubCall): Promise<Response> {
  const key = identityOf(call)
  const identity = await existing(call, key)
  return shown(call, identity, await call.services.twins.read(key))
}

async function write(call: HubCall, changeOf: (body: Uint8Array) => ServiceTwinChange): Promise<Response> {
  const key = identityOf(call)
  const found = ifMatch(call)
  const change = changeOf(await readJsonBytes(call))
  const identity = await existing(call, key)
  const etag = found?.kind === 'etag' ? found.etag : undefined
  return shown(call, identity, await call.services.twins.write(key, change, actorName(call.actor), etag))
}

async function shown(call: HubCall, identity: Identity, twin: Twin): Promise<Response> {
  const { presence } = call.services
  const key: IdentityKey = identityOf(call)
  const [[facts], [commands = 0]] = await Promise.all([presence.of([key]), call.services.commands.count([key])])
  const view = twinView(identity, twin, { isConnected: false, ...facts, commands })
  return new Response(formatTwin(view), {
    headers: { ...etagHeader(twin.etag), 'content-type': 'application/json; charset=utf-8' },
  })
}

/** @param facts of its connection, and how many messages wait for it. */
export function twinView(
  identity: Identity,
  twin: Twin,
  facts: PresenceFacts & { readonly commands: number },
): TwinView {
  const { authentication } = identity
  const thumbprints = authentication.kind === 'selfSigned' ? authentication : undefined
  const { primaryThumbprint, secondaryThumbprint } = thumbprints ?? {}
  return {
    deviceId: identity.deviceId,
    ...(identity.moduleId === undefined ? {} : { moduleId: identity.moduleId }),
    twin,
    deviceEtag: identity.etag,
    status: identity.status,
    ...(identity.statusReason === undefined ? {} : { statusReason: identity.statusReason }),
    statusUpdatedTime: identity.statusUpdatedTime,
    connectionState: facts.isConnected ? 'Connected' : 'Disconnected',
    ...(facts.lastActivity === undefined ? {} : { lastActivityTime: facts.lastActivity }),
    cloudToDeviceMessageCount: facts.commands,
    authenticationType: authentication.kind,
    x509Thumbprint: {
      ...(primaryThumbprint === undefined ? {} : { primaryThumbprint }),
      ...(secondaryThumbprint === undefined ? {} : { secondaryThumbprint }),
    },
    ...(facts.modelId === undefined ? {} : { modelId: facts.modelId }),
    capabilities: identity.capabilities,
    ...scopesOf(identity),
  }
}
