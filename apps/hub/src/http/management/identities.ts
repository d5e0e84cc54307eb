/** Devices and modules: the same routes, once under `/devices`, once under a device's `/modules`. */

import { Api } from '@holdfast/api'
import type { Found, Identity, IdentityChange, IdentityKey } from '@holdfast/identity'
import { identitySubject } from '@holdfast/identity'
import { formatConnectionString } from '@holdfast/tokens'
import { readJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { oneOf, readQuery, text, wholeNumber } from '../query.ts'
import { actorName } from './actor.ts'
import { cutOff } from './changed.ts'
import { authenticationDraft, identityJson, thumbprintDraft } from './identity-json.ts'
import { onePage, PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const DEVICES = '/api/v1/devices'
const MODULES = `${DEVICES}/:device/modules` as const

export const IDENTITY_ROUTES: readonly Route[] = [
  { method: 'GET', path: DEVICES, rights: ['RegistryRead'], answer: listDevices },
  { method: 'POST', path: DEVICES, rights: ['RegistryWrite'], answer: createDevice },
  ...oneIdentity(`${DEVICES}/:device`),
  { method: 'GET', path: MODULES, rights: ['RegistryRead'], answer: listModules },
  { method: 'POST', path: MODULES, rights: ['RegistryWrite'], answer: createModule },
  ...oneIdentity(`${MODULES}/:module`),
]

function oneIdentity(path: `/api/v1/${string}`): readonly Route[] {
  return [
    { method: 'GET', path, rights: ['RegistryRead'], answer: show },
    { method: 'PATCH', path, rights: ['RegistryWrite'], answer: change },
    { method: 'DELETE', path, rights: ['RegistryWrite'], answer: remove },
    // It discloses a key: whoever may only read the registry may not become the device.
    {
      method: 'GET',
      path: `${path}/connection-string`,
      rights: ['RegistryRead', 'RegistryWrite'],
      answer: connectionString,
    },
    { method: 'POST', path: `${path}/regenerate-key`, rights: ['RegistryWrite'], answer: regenerateKey },
  ]
}

async function listDevices(call: Call): Promise<Response> {
  const { after, limit = PAGE_ITEMS } = readQuery(call.context, {
    after: text(128),
    limit: wholeNumber(1, PAGE_ITEMS_MAX),
  })
  const devices = await call.services.registry.listDevices({ limit, ...(after === undefined ? {} : { after }) })
  const last = devices.length < limit ? undefined : devices.at(-1)?.deviceId
  const page: Api.Page<Api.Device> = {
    items: devices.map((identity) => shown(call, identity)),
    ...(last === undefined ? {} : { next: last }),
  }
  return json(page)
}

async function listModules(call: Call): Promise<Response> {
  const modules = await call.services.registry.listModules(parameter(call, 'device'))
  return json(
    onePage(
      call.context,
      modules,
      ({ moduleId = '' }) => moduleId,
      (identity) => shown(call, identity),
    ),
  )
}

async function createDevice(call: Call): Promise<Response> {
  const { deviceId, ...words } = await readJson(call.context, Api.DeviceCreate)
  return create(call, { deviceId }, words)
}

async function createModule(call: Call): Promise<Response> {
  const { moduleId, ...words } = await readJson(call.context, Api.ModuleCreate)
  return create(call, { deviceId: parameter(call, 'device'), moduleId }, words)
}

async function create(call: Call, key: IdentityKey, words: Omit<Api.DeviceCreate, 'deviceId'>): Promise<Response> {
  const { iotEdge, parentScope } = words
  const draft = {
    ...key,
    authentication: authenticationDraft(words),
    ...(iotEdge === undefined ? {} : { iotEdge }),
    ...(parentScope === undefined ? {} : { parentScope }),
  }
  const identity = await call.services.registry.create(draft, actorName(call.actor))
  return json(shown(call, identity), 201, etagOf(identity))
}

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const identity = await existing(call)
  return json(shown(call, identity), 200, etagOf(identity))
}

async function change(call: Call): Promise<Response> {
  const words = await readJson(call.context, Api.DeviceChange)
  const key = keyOf(call)
  const found = foundOf(call)
  const asked = await changeOf(call, words)
  const { cuts } = await call.services.registry.update(key, asked, actorName(call.actor), found)
  return json(await cutOff(call, cuts))
}

async function changeOf(call: Call, words: Api.DeviceChange): Promise<IdentityChange> {
  const { status, statusReason, thumbprints, iotEdge, parentScope } = words
  if (thumbprints !== undefined && (await existing(call)).authentication.kind !== 'selfSigned') {
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

async function remove(call: Call): Promise<Response> {
  const { cuts } = await call.services.registry.delete(keyOf(call), actorName(call.actor), foundOf(call))
  return json(await cutOff(call, cuts))
}

async function regenerateKey(call: Call): Promise<Response> {
  const { key: slot } = await readJson(call.context, Api.KeyChoice)
  const { cuts } = await call.services.registry.regenerateKey(keyOf(call), slot, actorName(call.actor), foundOf(call))
  return json(await cutOff(call, cuts))
}

async function connectionString(call: Call): Promise<Response> {
  const { key: slot = 'primary' } = readQuery(call.context, { key: oneOf('primary', 'secondary') })
  const { services } = call
  const { deviceId, moduleId, authentication } = await existing(call)
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
  const answer: Api.ConnectionString = {
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
  return json(answer)
}

function keyOf(call: Call): IdentityKey {
  const moduleId = call.context.req.param('module')
  return { deviceId: parameter(call, 'device'), ...(moduleId === undefined ? {} : { moduleId }) }
}

async function existing(call: Call): Promise<Identity> {
  const identity = await call.services.registry.read(keyOf(call))
  if (identity !== undefined) return identity
  const isModule = call.context.req.param('module') !== undefined
  throw new Problem({
    status: 404,
    code: 'missing',
    title: `the ${isModule ? 'module' : 'device'} does not exist`,
    detail: 'check the id; ids are case-sensitive',
  })
}

/** `If-Match` (RFC 9110 §13.1.1), one ETag or `*`; Azure's clients put quotes around both. */
function foundOf({ context }: Call): Found {
  const header = context.req.header('if-match')
  if (header === undefined) return { kind: 'present' }
  const etag = /^"(.*)"$/.exec(header)?.[1] ?? header
  return etag === '*' ? { kind: 'present' } : { kind: 'etag', etag }
}

function etagOf(identity: Identity): Readonly<Record<string, string>> {
  return { etag: `"${identity.etag}"` }
}

function shown(call: Call, identity: Identity): Api.Device {
  const { deviceId, moduleId } = identity
  const key = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) }
  const { sessions, masquerade } = call.services
  return identityJson(identity, sessions.connectionOf(key), masquerade.quarantine.find(key))
}
