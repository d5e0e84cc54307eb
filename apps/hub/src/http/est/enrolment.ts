/** Enrolment and renewal (RFC 7030 §4.2): who asks, and with what. */

import {
  CredentialError,
  decodeEstBody,
  EST_BODY_BYTES_MAX,
  type EstPath,
  identityKeyOf,
  type Issued,
  parseEstAuthorization,
} from '@holdfast/credentials'
import { type IdentityKey, identitySubject } from '@holdfast/identity'
import { parseCertificate } from '@holdfast/pki'
import { parseSasToken, resourceOf, TokenError } from '@holdfast/tokens'
import type { Context } from 'hono'
import { type Admitted, admit } from '../device/device-call.ts'
import type { HttpEnvironment } from '../environment.ts'
import { Problem } from '../../core/problem.ts'
import { certificates, later } from './answer.ts'
import { problemOf, RETRY_AFTER_SECONDS, unproved } from './refusals.ts'
import { enrolByRegistration, type RegistrationClaim, registrationOf } from './registration.ts'
import type { EstServices } from './services.ts'

interface EstCall {
  readonly context: Context<HttpEnvironment>
  readonly services: EstServices
  readonly path: EstPath
}

/** Who somebody says that it is, and by what it proves that. */
interface Claim {
  readonly key: IdentityKey
  /** Absent: by its client certificate. */
  readonly token?: string
}

/** @throws CredentialError, HubError, Problem. */
export async function enrol(call: EstCall): Promise<Response> {
  const { context, services, path } = call
  const isRenewal = path.operation === 'simplereenroll'
  const registration = isRenewal ? undefined : byRegistration(context)
  if (registration !== undefined) {
    return enrolByRegistration(context, services, path, registration, await readRequest(context))
  }
  const claim = claimOf(call, isRenewal)
  const subject = identitySubject(claim.key)
  const device = await admit(context, services, claim.key, claim.token)
  const verdict = services.throttling.take('device.certificate', subject)
  if (verdict.kind === 'refused') return later(verdict.retryAfterSeconds)
  try {
    const request = await readRequest(context)
    const { record } = await issue(call, claim, device, request)
    return certificates([record.certificate])
  } catch (error) {
    if (error instanceof CredentialError && error.code === 'busy') return later(RETRY_AFTER_SECONDS)
    const known = error instanceof Problem ? error : problemOf(error)
    tellRefusal(call, { subject, actor: subject }, known?.facts.code ?? 'failed')
    throw error
  }
}

/**
 * Who asks, where it says and proves that; nobody has to. What it shows and does not prove counts as everywhere, and is
 * told in the log.
 */
export async function provedBy({ context, services, path }: EstCall): Promise<IdentityKey | undefined> {
  try {
    const claim = byAuthorization(context) ?? byCertificate(context)
    if (claim === undefined) return undefined
    await admit(context, services, claim.key, claim.token)
    return claim.key
  } catch (error) {
    if (!(error instanceof Problem) && problemOf(error) === undefined)
      services.failed(error, { method: 'GET', path: path.operation })
    return undefined
  }
}

async function issue(call: EstCall, { key }: Claim, device: Admitted, request: Uint8Array): Promise<Issued> {
  const { services, path, context } = call
  if (!device.mayRenew) {
    throw new CredentialError(
      'renewal-stopped',
      'this device gets no certificate just now; the log of the hub says why',
    )
  }
  const { basis, identity } = device
  // Its holder may speak for every device. A certificate would outlive it, and shut the device itself out.
  if (basis.kind === 'policy') {
    throw new CredentialError(
      'wrong-authentication',
      'a policy gets no certificates; a device asks by its own credential',
    )
  }
  const common = {
    request,
    // The first sight of a certificate changes its identity, which leaves its keys; the certificate is looked at itself.
    proved: { generationId: identity.generationId, ...(basis.kind === 'issued' ? {} : { etag: identity.etag }) },
    actor: identitySubject(key),
    via: 'est' as const,
    ...(path.label === undefined ? {} : { label: path.label }),
  }
  if (path.operation === 'simpleenroll') {
    // Its certificate has ended: it is good for its own renewal and for nothing else.
    if (device.lane === 'renewal') throw new CredentialError('not-renewable', 'renew by simplereenroll')
    return services.credentials.issue({ ...common, key })
  }
  if (basis.kind === 'issued') return services.credentials.renew({ ...common, sha256: basis.sha256 })
  // A manufacturer's or an operator's certificate, followed by one of the hub's: the same rule for the subject.
  const [leaf] = context.env.peer.certificate?.chain ?? []
  if (leaf === undefined) throw unproved()
  return services.credentials.issue({ ...common, key, subjectName: parseCertificate(leaf).subjectName })
}

/** @throws Problem 401, told as an event, for whoever shows nothing that could prove anything. */
function claimOf(call: EstCall, isRenewal: boolean): Claim {
  const { context } = call
  try {
    const claim = isRenewal ? byCertificate(context) : (byAuthorization(context) ?? byCertificate(context))
    if (claim !== undefined) return claim
    throw unproved()
  } catch (error) {
    const actor = `address/${context.env.peer.address}`
    if (error instanceof Problem) tellRefusal(call, { subject: 'hub', actor }, error.facts.code)
    throw error
  }
}

/** @throws Problem 401 where the user of Basic is not whom the token is for. */
function byRegistration({ req }: Context<HttpEnvironment>): RegistrationClaim | undefined {
  const authorization = parseEstAuthorization(req.header('authorization') ?? '')
  const registration = authorization === undefined ? undefined : registrationOf(authorization.token)
  const user = authorization?.user ?? registration?.registrationId
  if (registration !== undefined && user !== registration.registrationId) throw unproved()
  return registration
}

/** @throws Problem 401 for a header that cannot prove anything. */
function byAuthorization({ req }: Context<HttpEnvironment>): Claim | undefined {
  const header = req.header('authorization')
  if (header === undefined) return undefined
  const authorization = parseEstAuthorization(header)
  const text = authorization?.user ?? (authorization === undefined ? undefined : holderOf(authorization.token))
  const key = text === undefined ? undefined : identityKeyOf(text)
  if (authorization === undefined || key === undefined) throw unproved()
  return { key, token: authorization.token }
}

function byCertificate({ env }: Context<HttpEnvironment>): Claim | undefined {
  const { certificate } = env.peer
  const key = certificate === undefined ? undefined : identityKeyOf(certificate.commonName)
  return key === undefined ? undefined : { key }
}

/** Whom a token names; whether it may, is looked at later. */
function holderOf(token: string): string | undefined {
  try {
    const [devices, deviceId, modules, moduleId] = resourceOf(parseSasToken(token).resource).path
    if (devices?.toLowerCase() !== 'devices' || deviceId === undefined) return undefined
    return modules?.toLowerCase() === 'modules' && moduleId !== undefined ? `${deviceId}/${moduleId}` : deviceId
  } catch (error) {
    if (error instanceof TokenError) return undefined
    throw error
  }
}

async function readRequest(context: Context<HttpEnvironment>): Promise<Uint8Array> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/pkcs10\s*(?:;|$)/i.test(type)) {
    const detail = 'send it with Content-Type: application/pkcs10'
    throw new Problem({ status: 415, code: 'not-pkcs10', title: 'the body is not said to be a request', detail })
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.length
    if (bytes > EST_BODY_BYTES_MAX) {
      const detail = `send at most ${EST_BODY_BYTES_MAX} bytes`
      throw new Problem({ status: 413, code: 'body-too-large', title: 'the body is too large', detail })
    }
    chunks.push(chunk)
  }
  return decodeEstBody(Buffer.concat(chunks))
}

function tellRefusal(
  { context, services, path }: EstCall,
  { subject, actor }: { readonly subject: string; readonly actor: string },
  reason: string,
): void {
  const { address } = context.env.peer
  services.events.sink({
    type: 'request.refused',
    at: services.clock.wall(),
    subject,
    actor,
    detail: { operation: `est/${path.operation}`, reason, address },
  })
}
