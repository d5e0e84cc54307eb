/** Certificates that the hub issued to devices, and the profiles by which it does. */

import { CertificateApi } from '@holdfast/api'
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
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import type { Named } from './identity-named.ts'
import { type About, within } from '../../people/reach.ts'
import { onePage } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

/** What these routes need of the hub, beside what all need. */
export interface CertificateServices {
  readonly credentials: CredentialService
}

const { certificateOperations, certificateProfileOperations } = CertificateApi

export const CERTIFICATE_ROUTES: readonly Route[] = [
  serve(certificateOperations.list, async ({ services, query: { device, module }, reach }) => {
    const records = await services.credentials.listOf(keyOf({ id: device, module }))
    return { items: (await within(reach, records, aboutOf)).map((record) => shown(record)) }
  }),
  serve(certificateOperations.revokeAll, async ({ services, body, actor, reach }) => {
    const { deviceId, moduleId, reason = 'unspecified' } = body
    // As for a device that has none, or is none.
    if (!(await reach.includes(deviceId))) return { revoked: [], sessionsClosed: 0, milliseconds: 0 }
    return changed(
      await services.credentials.revokeAllOf(keyOf({ id: deviceId, module: moduleId }), reason, actorName(actor)),
    )
  }),
  serve(certificateOperations.show, async (call) => {
    const record = await existing(call)
    return { ...shown(record), certificate: encodePem('CERTIFICATE', record.certificate) }
  }),
  serve(certificateOperations.revoke, async (call) => {
    const { reason = 'unspecified' } = call.body
    const { serialNumber } = await existing(call)
    return changed(await call.services.credentials.revoke(serialNumber, reason, actorName(call.actor)))
  }),
  serve(certificateOperations.profileOfDevice, showChoice),
  serve(certificateOperations.chooseForDevice, choose),
  serve(certificateOperations.profileOfModule, showChoice),
  serve(certificateOperations.chooseForModule, choose),
  serve(certificateProfileOperations.list, async ({ services, query }) =>
    onePage(query, services.credentials.profiles.list(), ({ name }) => name, profileJson),
  ),
  serve(certificateProfileOperations.show, async ({ services, path }) => {
    const profile = services.credentials.profiles.read(path.name)
    if (profile === undefined) throw missing('there is no profile of this name')
    return profileJson(profile)
  }),
  serve(certificateProfileOperations.set, setProfile),
  serve(certificateProfileOperations.delete, async ({ services, path, actor }) => {
    await services.credentials.profiles.remove(path.name, actorName(actor))
    return undefined
  }),
]

/** @throws Problem 404, for a certificate of a device out of reach as for one that is not there. */
async function existing({
  services,
  path,
  reach,
}: Call & { readonly path: { readonly serial: string } }): Promise<IssuedCertificate> {
  const record = await services.credentials.readBySerial(serialOf(path.serial))
  const isWithin = record !== undefined && (await within(reach, [record], aboutOf)).length > 0
  if (isWithin) return record
  throw missing('there is no certificate with this serial number')
}

function aboutOf({ key, generationId }: IssuedCertificate): About {
  // A module has a generation of its own, and goes with its device.
  return key.moduleId === undefined ? { deviceId: key.deviceId, generationId } : { deviceId: key.deviceId }
}

function changed({ certificates, sessionsClosed, milliseconds }: Revoked): CertificateApi.Revoked {
  return { revoked: certificates.map(({ serialNumber }) => serialNumber), sessionsClosed, milliseconds }
}

async function setProfile({ services, path, body, actor }: Asked<typeof certificateProfileOperations.set>) {
  const { lifetimeSeconds, graceSeconds, overlapSeconds, domain, ...same } = body
  const change = {
    ...same,
    ...(lifetimeSeconds === undefined ? {} : { lifetimeMs: lifetimeSeconds * 1000 }),
    ...(graceSeconds === undefined ? {} : { graceMs: graceSeconds * 1000 }),
    ...(overlapSeconds === undefined ? {} : { overlapMs: overlapSeconds * 1000 }),
    ...(domain === undefined ? {} : { domain: domain === '' ? undefined : domain }),
  }
  return profileJson(await services.credentials.profiles.set(path.name, change, actorName(actor)))
}

async function showChoice({ services, path }: Call & Named): Promise<CertificateApi.ProfileChoice> {
  const key = keyOf(path)
  if ((await services.registry.read(key)) === undefined) throw missing('there is no such device or module')
  return { profile: (await services.credentials.chosenProfile(key)) ?? DEFAULT_PROFILE }
}

async function choose({
  services,
  path,
  body: { profile },
  actor,
}: Call & Named & { readonly body: CertificateApi.ProfileChoice }): Promise<CertificateApi.ProfileChoice> {
  const chosen = profile === '' ? undefined : profile
  await services.credentials.chooseProfile(keyOf(path), chosen, actorName(actor))
  return { profile: chosen ?? DEFAULT_PROFILE }
}

function keyOf({ id, module }: { readonly id: string; readonly module?: string | undefined }): IdentityKey {
  return module === undefined ? { deviceId: id } : { deviceId: id, moduleId: module }
}

/** As tools print it: in either case, with colons or without. */
function serialOf(text: string): string {
  return text.slice(0, 128).replaceAll(':', '').toUpperCase()
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
