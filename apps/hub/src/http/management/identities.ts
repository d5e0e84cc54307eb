/** Devices and modules: the same routes, once under `/devices`, once under a device's `/modules`. */

import { type Api, OPERATIONS } from '@holdfast/api'
import type { Found, Identity, IdentityChange, IdentityKey } from '@holdfast/identity'
import { identitySubject } from '@holdfast/identity'
import { formatConnectionString } from '@holdfast/tokens'
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { cutOff } from './changed.ts'
import { authenticationDraft, identityJson, thumbprintDraft } from './identity-json.ts'
import { versioned } from './entity-tag.ts'
import { existing, keyOf, type Named } from './identity-named.ts'
import { demandParent } from './parent.ts'
import { cutPage, onePage, PAGE_ITEMS, type PageOf } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { device, module } = OPERATIONS

export const IDENTITY_ROUTES: readonly Route[] = [
  serve(device.list, listDevices),
  serve(device.create, async ({ body: { deviceId, fleet: wished, ...words }, ...call }) => {
    const fleet = call.reach.home(wished)
    await demandParent(call, { kind: 'fleet', fleet }, words.parentScope)
    return create(call, { deviceId }, { ...words, ...(fleet === undefined ? {} : { fleet }) })
  }),
  serve(device.show, show),
  serve(device.change, change),
  serve(device.delete, remove),
  serve(device.connectionString, connectionString),
  serve(device.regenerateKey, regenerateKey),
  serve(module.list, async (call) =>
    onePage(
      call.query,
      await call.services.registry.listModules(call.path.id),
      ({ moduleId = '' }) => moduleId,
      (identity) => shown(call, identity),
    ),
  ),
  serve(module.create, ({ body: { moduleId, ...words }, ...call }) =>
    create(call, { deviceId: call.path.id, moduleId }, words),
  ),
  serve(module.show, show),
  serve(module.change, change),
  serve(module.delete, remove),
  serve(module.connectionString, connectionString),
  serve(module.regenerateKey, regenerateKey),
]

/** A request that names a device or a module, and may say which version of it. */
type Addressed = Call & Named & { readonly ifMatch: string | undefined }

async function listDevices(call: Asked<typeof device.list>): Promise<PageOf<Api.Device>> {
  const { after, limit = PAGE_ITEMS } = call.query
  const { within } = call.reach
  const devices = await call.services.registry.listDevices({
    limit,
    ...(after === undefined ? {} : { after }),
    ...(within === undefined ? {} : { within }),
  })
  return cutPage(
    devices,
    limit,
    ({ deviceId }) => deviceId,
    (identity) => shown(call, identity),
  )
}

async function create(call: Call, key: IdentityKey, words: Omit<Api.DeviceCreate, 'deviceId'>) {
  const { iotEdge, parentScope, fleet } = words
  const draft = {
    ...key,
    ...(fleet === undefined ? {} : { fleet }),
    authentication: authenticationDraft(words),
    ...(iotEdge === undefined ? {} : { iotEdge }),
    ...(parentScope === undefined ? {} : { parentScope }),
  }
  const identity = await call.services.registry.create(draft, actorName(call.actor))
  return versioned(identity.etag, shown(call, identity))
}

async function show(call: Addressed) {
  const identity = await existing(call, keyOf(call))
  return versioned(identity.etag, shown(call, identity))
}

async function change(call: Addressed & { readonly body: Api.DeviceChange }): Promise<Api.Changed> {
  await demandParent(call, { kind: 'device', deviceId: call.path.id }, call.body.parentScope)
  const asked = await changeOf(call, call.body)
  const { cuts } = await call.services.registry.update(keyOf(call), asked, actorName(call.actor), foundOf(call))
  return cutOff(call, cuts)
}

async function changeOf(call: Call & Named, words: Api.DeviceChange): Promise<IdentityChange> {
  const { status, statusReason, thumbprints, iotEdge, parentScope } = words
  if (thumbprints !== undefined && (await existing(call, keyOf(call))).authentication.kind !== 'selfSigned') {
    throw new Problem({
      status: 409,
      code: 'no-thumbprints',
      title: 'the identity does not prove itself by a thumbprint',
      detail: 'delete it and create it with auth x509-thumbprint',
    })
  }
  return {
    ...(status === undefined ? {} : { status }),
    ...(statusReason === undefined ? {} : { statusReason }),
    ...(thumbprints === undefined ? {} : { authentication: thumbprintDraft(thumbprints) }),
    ...(iotEdge === undefined ? {} : { iotEdge }),
    ...(parentScope === undefined ? {} : { parentScope }),
  }
}

async function remove(call: Addressed): Promise<Api.Changed> {
  const { cuts } = await call.services.registry.delete(keyOf(call), actorName(call.actor), foundOf(call))
  return cutOff(call, cuts)
}

async function regenerateKey(call: Addressed & { readonly body: Api.KeyChoice }): Promise<Api.Changed> {
  const { key: slot } = call.body
  const { cuts } = await call.services.registry.regenerateKey(keyOf(call), slot, actorName(call.actor), foundOf(call))
  return cutOff(call, cuts)
}

async function connectionString(
  call: Addressed & { readonly query: { readonly key?: 'primary' | 'secondary' } },
): Promise<Api.ConnectionString> {
  const { key: slot = 'primary' } = call.query
  const { services } = call
  const { deviceId, moduleId, authentication } = await existing(call, keyOf(call))
  if (authentication.kind === 'none') {
    throw new Problem({
      status: 409,
      code: 'no-credential',
      title: 'the identity has no way to prove itself',
      detail: 'create it anew with keys or a certificate',
    })
  }
  const key = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) }
  if (authentication.kind === 'sas') {
    services.events.sink({
      type: 'identity.secret-disclosed',
      at: services.clock.wall(),
      subject: identitySubject(key),
      actor: actorName(call.actor),
      detail: { slot },
    })
  }
  return {
    connectionString: formatConnectionString({
      kind: 'device',
      hostName: services.hostName,
      ...key,
      credential:
        authentication.kind === 'sas'
          ? { kind: 'key', key: slot === 'primary' ? authentication.primaryKey : authentication.secondaryKey }
          : { kind: 'x509' },
    }),
  }
}

function foundOf({ ifMatch }: Addressed): Found {
  return ifMatch === undefined ? { kind: 'present' } : { kind: 'etag', etag: ifMatch }
}

function shown(call: Call, identity: Identity): Api.Device {
  const { deviceId, moduleId } = identity
  const key = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) }
  const { sessions, masquerade } = call.services
  return identityJson(identity, sessions.connectionOf(key), masquerade.quarantine.find(key))
}
