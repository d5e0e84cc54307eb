/** Enrolments in Holdfast's own API (`protocol/api/src/management.ts`). */

import { Hono } from 'hono'
import { type Api, OPERATIONS } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import {
  type AttestationInput,
  DPS_ERRORS,
  DpsError,
  type EnrollmentOutput,
  type EnrollmentScope,
  type Fault as DpsFault,
  type RegistrationId,
  parseRegistrationId,
  readEnrollment,
} from '@holdfast/dps'
import type { HttpEnvironment } from '../environment.ts'
import { guard } from '../guard.ts'
import { actorName } from '../../people/actor.ts'
import { bindRoutes } from '../management/bind.ts'
import { type Versioned, versioned } from '../management/entity-tag.ts'
import { Idempotency } from '../management/idempotency.ts'
import type { Elsewhere } from '../management/index.ts'
import { OpenStreams } from '../management/open-streams.ts'
import { PAGE_ITEMS, type PageOf, type PageQuery } from '../management/page.ts'
import { explain } from '../management/refusals.ts'
import { type Call as RouteCall, json, performables, type Route, serve } from '../management/route.ts'
import { Problem, type ProblemFacts, badRequest } from '../../core/problem.ts'
import { twoPersonRule } from '../management/two-person.ts'
import type { ProvisioningServices } from './services.ts'

/** Whether an address is one of these: whose requests the hub hands to `enrollmentRoutes`. */
export function isEnrollmentPath(pathname: string): boolean {
  return /^\/api\/v1\/(?:enrollments|enrollment-groups)(?:\/|$)/.test(pathname)
}

/**
 * `/api/v1/enrollments`, `/api/v1/enrollment-groups`, and what is below them. To be handed its requests by `fetch`, as
 * the guard asks.
 */
export function enrollmentRoutes(services: ProvisioningServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  const { failed, events, clock } = services
  guard(app, { failed, events, clock, explain: explainAny })
  const idempotency = services.answers && new Idempotency(services.answers, clock, explainAny)
  bindRoutes(app, ENROLLMENT_ROUTES, {
    services,
    streams: new OpenStreams(clock),
    idempotency,
    twoPerson: twoPersonRule(services, explainAny),
  })
  return app
}

/** The same operations for whoever approves what was proposed of them. */
export function enrollmentsElsewhere(services: ProvisioningServices): Elsewhere {
  return { operations: performables(ENROLLMENT_ROUTES, services), explain: explainAny }
}

function explainAny(error: unknown): Problem | undefined {
  return explainDps(error) ?? explain(error)
}

type Call = RouteCall<ProvisioningServices>
type Paged = Call & { readonly query: PageQuery }
type Named = Call & { readonly path: { readonly enrollment: string }; readonly ifMatch: string | undefined }

const { enrollment: individual, enrollmentGroup: group } = OPERATIONS

export const ENROLLMENT_ROUTES: readonly Route<ProvisioningServices>[] = [
  serve(individual.list, (call: Paged) => list('individual', call)),
  serve(individual.create, (call: Call & { readonly body: Api.EnrollmentCreate }) => create('individual', call)),
  serve(individual.show, (call: Named) => show('individual', call)),
  serve(individual.delete, (call: Named) => remove('individual', call)),
  serve(group.list, (call: Paged) => list('group', call)),
  serve(group.create, (call: Call & { readonly body: Api.EnrollmentCreate }) => create('group', call)),
  serve(group.show, (call: Named) => show('group', call)),
  serve(group.delete, (call: Named) => remove('group', call)),
  // A key of a device is a secret: as with those of an enrolment, reading is not enough.
  serve(group.derivedKey, async (call: Named & { readonly path: { readonly registration: string } }) => {
    const { enrollments } = call.services.provisioning
    return { key: await enrollments.derivedKey(idOf(call), call.path.registration, actorName(call.actor)) }
  }),
]

async function list(scope: EnrollmentScope, { services, query }: Paged): Promise<PageOf<Api.Enrollment>> {
  const { items, next } = await services.provisioning.enrollments.query(scope, {
    condition: { kind: 'all' },
    limit: query.limit ?? PAGE_ITEMS,
    ...(query.after !== undefined && { after: query.after }),
  })
  return { items: items.map(shown), ...(next !== undefined && { next }) }
}

async function create(
  scope: EnrollmentScope,
  { services, body, actor }: Call & { readonly body: Api.EnrollmentCreate },
): Promise<Response> {
  const input = inputOf(scope, body)
  const { enrollment } = await services.provisioning.enrollments.put(input, { kind: 'new' }, actorName(actor))
  const base = scope === 'individual' ? individual.create.path : group.create.path
  const location = `${base}/${encodeURIComponent(enrollment.id)}`
  return json(shown(enrollment), 201, { location, etag: `"${enrollment.etag}"` })
}

async function show(scope: EnrollmentScope, call: Named): Promise<Versioned<Api.Enrollment>> {
  const found = await call.services.provisioning.enrollments.read(scope, idOf(call))
  return versioned(found.etag, shown(found))
}

async function remove(scope: EnrollmentScope, call: Named): Promise<undefined> {
  const { ifMatch } = call
  const match = ifMatch === undefined ? ({ kind: 'none' } as const) : ({ kind: 'etag', etag: ifMatch } as const)
  await call.services.provisioning.enrollments.delete(scope, idOf(call), match, actorName(call.actor))
  return undefined
}

function inputOf(scope: EnrollmentScope, create: Api.EnrollmentCreate): ReturnType<typeof readEnrollment> {
  const faults: { path: string; message: string }[] = []
  for (const [kind, names] of Object.entries(FIELDS)) {
    if (kind === create.attestation) continue
    for (const name of names) {
      if (create[name] !== undefined)
        faults.push({ path: `/${name}`, message: `does not belong to ${create.attestation}` })
    }
  }
  if (scope === 'group' && create.deviceId !== undefined) {
    faults.push({ path: '/deviceId', message: 'does not belong to a group, whose devices have the ids they register' })
  }
  const [first] = create.attestation === 'symmetric-key' ? [] : FIELDS[create.attestation]
  if (first !== undefined && create[first] === undefined) faults.push({ path: `/${first}`, message: 'is missing' })
  if (faults.length > 0) throw badRequest(faults)
  const document = {
    [scope === 'individual' ? 'registrationId' : 'enrollmentGroupId']: create.id,
    attestation: attestationOf(scope, create),
    deviceId: create.deviceId,
    provisioningStatus: create.disabled === true ? 'disabled' : 'enabled',
    credentialPolicyName: create.certificateProfile,
  }
  return readEnrollment(document, { scope })
}

/** Which fields belong to which kind of attestation; the first is one that must be there, but for keys, which are made. */
const FIELDS = {
  'symmetric-key': ['primaryKey', 'secondaryKey'],
  x509: ['certificate'],
  tpm: ['endorsementKey', 'storageRootKey', 'endorsementCertificate', 'requireEndorsementCertificate'],
} as const satisfies Readonly<Record<Api.EnrollmentCreate['attestation'], readonly (keyof Api.EnrollmentCreate)[]>>

function attestationOf(scope: EnrollmentScope, create: Api.EnrollmentCreate): object {
  const { primaryKey, secondaryKey, certificate } = create
  const { endorsementKey, storageRootKey, endorsementCertificate, requireEndorsementCertificate } = create
  switch (create.attestation) {
    case 'symmetric-key':
      return { type: 'symmetricKey', symmetricKey: { primaryKey, secondaryKey } }
    case 'x509': {
      const use = scope === 'individual' ? 'clientCertificates' : 'signingCertificates'
      return { type: 'x509', x509: { [use]: { primary: { certificate } } } }
    }
    case 'tpm': {
      const keys = { endorsementKey, storageRootKey }
      return { type: 'tpm', tpm: { ...keys, endorsementCertificate, requireEndorsementCertificate } }
    }
  }
}

function shown(enrollment: EnrollmentOutput): Api.Enrollment {
  return {
    id: enrollment.id,
    scope: enrollment.scope,
    attestation: ATTESTATIONS[enrollment.attestation.kind],
    status: enrollment.status,
    etag: enrollment.etag,
    ...(enrollment.deviceId !== undefined && { deviceId: enrollment.deviceId }),
    ...(enrollment.certificateProfile !== undefined && { certificateProfile: enrollment.certificateProfile }),
    createdTime: formatTimestamp(enrollment.createdTime),
  }
}

const ATTESTATIONS: Readonly<Record<AttestationInput['kind'], Api.Enrollment['attestation']>> = {
  symmetricKey: 'symmetric-key',
  x509: 'x509',
  tpm: 'tpm',
}

/** An id of the wrong form is the id of nothing. */
function idOf({ path }: Named): RegistrationId {
  const id = parseRegistrationId(path.enrollment)
  if (id === undefined) throw new DpsError('enrollment-not-found', 'There is no such enrolment.')
  return id
}

function explainDps(error: unknown): Problem | undefined {
  if (!(error instanceof DpsError)) return undefined
  const { status } = DPS_ERRORS[error.code]
  const faults = error.faults.map(({ path, message }: DpsFault) => ({ path: pointerOf(path), message }))
  if (error.code === 'bad-request' && faults.length > 0) return badRequest(faults)
  return new Problem(
    {
      status: isProblemStatus(status) ? status : 400,
      code: error.code,
      title: 'the enrolment cannot be read or written as asked',
      detail: error.message,
    },
    { cause: error },
  )
}

/** Where the fields of this API stand in the document of the service API. */
const POINTERS: readonly (readonly [RegExp, string])[] = [
  [/^(registrationId|enrollmentGroupId)$/, '/id'],
  [/primaryKey$/, '/primaryKey'],
  [/secondaryKey$/, '/secondaryKey'],
  [/(endorsementKey|storageRootKey|endorsementCertificate)$/, '/$1'],
  [/certificate$/, '/certificate'],
  [/certificateAuthorityName$/, '/certificateProfile'],
]

function pointerOf(path: string): string {
  const [form, pointer] = POINTERS.find(([known]) => known.test(path)) ?? []
  if (form === undefined || pointer === undefined) return `/${path.replaceAll('.', '/')}`
  return pointer.replace('$1', form.exec(path)?.[1] ?? '')
}

const STATUSES: readonly number[] = [400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 500, 503]

function isProblemStatus(status: number): status is ProblemFacts['status'] {
  return STATUSES.includes(status)
}
