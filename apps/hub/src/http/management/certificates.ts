/** Certificates that the hub issued to devices, and the profiles by which it does. */

import { CertificateApi, type Api } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import {
  type CredentialService,
  DEFAULT_PROFILE,
  type IssuanceProfile,
  type IssuedCertificate,
  type Revoked,
} from '@holdfast/credentials'
import type { IdentityKey } from '@holdfast/identity'
import { encodePem } from '@holdfast/pki'
import { readJson } from '../json-body.ts'
import { badRequest, Problem } from '../problem.ts'
import { readQuery, text } from '../query.ts'
import { actorName } from './actor.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

/** What these routes need of the hub, beside what all need. */
export interface CertificateServices {
  readonly credentials: CredentialService
}

const CERTIFICATES = '/api/v1/certificates'
const PROFILES = '/api/v1/certificate-profiles'
const DEVICE = '/api/v1/devices/:device'

export const CERTIFICATE_ROUTES: readonly Route[] = [
  { method: 'GET', path: CERTIFICATES, rights: ['RegistryRead'], answer: list },
  { method: 'POST', path: `${CERTIFICATES}/revoke`, rights: ['RegistryWrite'], answer: revokeAll },
  { method: 'GET', path: `${CERTIFICATES}/:serial`, rights: ['RegistryRead'], answer: show },
  { method: 'POST', path: `${CERTIFICATES}/:serial/revoke`, rights: ['RegistryWrite'], answer: revoke },
  { method: 'GET', path: PROFILES, rights: ['RegistryRead'], answer: listProfiles },
  { method: 'GET', path: `${PROFILES}/:name`, rights: ['RegistryRead'], answer: showProfile },
  // What a certificate may be is for whoever owns the hub to say, as is who may sign for devices.
  { method: 'PATCH', path: `${PROFILES}/:name`, rights: ['RegistryWrite', 'ServiceConnect'], answer: setProfile },
  { method: 'DELETE', path: `${PROFILES}/:name`, rights: ['RegistryWrite', 'ServiceConnect'], answer: removeProfile },
  ...choices(`${DEVICE}/certificate-profile`),
  ...choices(`${DEVICE}/modules/:module/certificate-profile`),
]

function choices(path: `/api/v1/${string}`): readonly Route[] {
  return [
    { method: 'GET', path, rights: ['RegistryRead'], answer: showChoice },
    { method: 'PATCH', path, rights: ['RegistryWrite'], answer: choose },
  ]
}

async function list(call: Call): Promise<Response> {
  const { device, module } = readQuery(call.context, { device: text(128), module: text(128) })
  if (device === undefined) throw badRequest([{ path: '?device', message: 'is missing' }])
  const key = module === undefined ? { deviceId: device } : { deviceId: device, moduleId: module }
  const page: Api.Page<CertificateApi.IssuedCertificate> = {
    items: (await call.services.credentials.listOf(key)).map((record) => shown(record)),
  }
  return json(page)
}

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const record = await call.services.credentials.readBySerial(serialOf(call))
  if (record === undefined) throw missing('there is no certificate with this serial number')
  return json({ ...shown(record), certificate: encodePem('CERTIFICATE', record.certificate) })
}

async function revoke(call: Call): Promise<Response> {
  const { reason = 'unspecified' } = await readJson(call.context, CertificateApi.Revocation)
  return json(changed(await call.services.credentials.revoke(serialOf(call), reason, actorName(call.actor))))
}

async function revokeAll(call: Call): Promise<Response> {
  const words = await readJson(call.context, CertificateApi.RevocationOfAll)
  const { deviceId, moduleId, reason = 'unspecified' } = words
  const key: IdentityKey = moduleId === undefined ? { deviceId } : { deviceId, moduleId }
  return json(changed(await call.services.credentials.revokeAllOf(key, reason, actorName(call.actor))))
}

function changed({ certificates, sessionsClosed, milliseconds }: Revoked): CertificateApi.Revoked {
  return { revoked: certificates.map(({ serialNumber }) => serialNumber), sessionsClosed, milliseconds }
}

async function listProfiles(call: Call): Promise<Response> {
  const profiles = call.services.credentials.profiles.list()
  return json(onePage(call.context, profiles, ({ name }) => name, profileJson))
}

async function showProfile(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const profile = call.services.credentials.profiles.read(parameter(call, 'name'))
  if (profile === undefined) throw missing('there is no profile of this name')
  return json(profileJson(profile))
}

async function setProfile(call: Call): Promise<Response> {
  const words = await readJson(call.context, CertificateApi.ProfileChange)
  const { lifetimeSeconds, graceSeconds, overlapSeconds, domain, ...same } = words
  const name = parameter(call, 'name')
  const change = {
    ...same,
    ...(lifetimeSeconds === undefined ? {} : { lifetimeMs: lifetimeSeconds * 1000 }),
    ...(graceSeconds === undefined ? {} : { graceMs: graceSeconds * 1000 }),
    ...(overlapSeconds === undefined ? {} : { overlapMs: overlapSeconds * 1000 }),
    ...(domain === undefined ? {} : { domain: domain === '' ? undefined : domain }),
  }
  return json(profileJson(await call.services.credentials.profiles.set(name, change, actorName(call.actor))))
}

async function removeProfile(call: Call): Promise<Response> {
  await call.services.credentials.profiles.remove(parameter(call, 'name'), actorName(call.actor))
  return new Response(null, { status: 204 })
}

async function showChoice(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const key = keyOf(call)
  if ((await call.services.registry.read(key)) === undefined) throw missing('there is no such device or module')
  const choice: CertificateApi.ProfileChoice = {
    profile: (await call.services.credentials.chosenProfile(key)) ?? DEFAULT_PROFILE,
  }
  return json(choice)
}

async function choose(call: Call): Promise<Response> {
  const { profile } = await readJson(call.context, CertificateApi.ProfileChoice)
  const chosen = profile === '' ? undefined : profile
  await call.services.credentials.chooseProfile(keyOf(call), chosen, actorName(call.actor))
  const choice: CertificateApi.ProfileChoice = { profile: chosen ?? DEFAULT_PROFILE }
  return json(choice)
}

function keyOf(call: Call): IdentityKey {
  const moduleId = call.context.req.param('module')
  const deviceId = parameter(call, 'device')
  return moduleId === undefined ? { deviceId } : { deviceId, moduleId }
}

/** As tools print it: in either case, with colons or without. */
function serialOf(call: Call): string {
  return parameter(call, 'serial').slice(0, 128).replaceAll(':', '').toUpperCase()
}

function shown(record: IssuedCertificate): CertificateApi.IssuedCertificate {
  const { serialNumber, sha256, key, generationId, profile, issuerSha256, state, reason, seenTime } = record
  return {
    serialNumber,
    sha256,
    deviceId: key.deviceId,
    ...(key.moduleId === undefined ? {} : { moduleId: key.moduleId }),
    generationId,
    profile,
    issuerSha256,
    notBefore: formatTimestamp(record.notBefore),
    notAfter: formatTimestamp(record.notAfter),
    renewalTime: formatTimestamp(record.renewalTime),
    issuedTime: formatTimestamp(record.issuedTime),
    state,
    stateTime: formatTimestamp(record.stateTime),
    ...(reason === undefined ? {} : { reason }),
    ...(seenTime === undefined ? {} : { seenTime: formatTimestamp(seenTime) }),
  }
}

function profileJson(profile: IssuanceProfile): CertificateApi.Profile {
  const { name, keyKinds, lifetimeMs, graceMs, overlapMs, isServer, domain, isOpen, mayReplaceKeys } = profile
  return {
    name,
    keyKinds: [...keyKinds],
    lifetimeSeconds: lifetimeMs / 1000,
    graceSeconds: graceMs / 1000,
    overlapSeconds: overlapMs / 1000,
    isServer,
    ...(domain === undefined ? {} : { domain }),
    isOpen,
    mayReplaceKeys,
  }
}

function missing(title: string): Problem {
  return new Problem({ status: 404, code: 'missing', title, detail: 'list them for those that exist' })
}
