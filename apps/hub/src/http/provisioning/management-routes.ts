/** Enrolments in Holdfast's own API (`protocol/api/src/management.ts`). */

import { Hono } from 'hono'
import { Api } from '@holdfast/api'
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
import type { Right } from '@holdfast/identity'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { guard } from '../guard.ts'
import { readJson } from '../json-body.ts'
import { actorName, authorize } from '../management/actor.ts'
import { explain } from '../management/refusals.ts'
import { json } from '../management/route.ts'
import { Problem, type ProblemFacts, badRequest } from '../problem.ts'
import { readQuery, text, wholeNumber } from '../query.ts'
import { throttleService } from '../throttled.ts'
import type { ProvisioningServices } from './services.ts'

const PAGE_ITEMS_MAX = 1_000
const PAGE_ITEMS_DEFAULT = 100

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
  guard(app, {
    failed: services.failed,
    events: services.events,
    clock: services.clock,
    explain: (error) => explainDps(error) ?? explain(error),
  })
  const { enrollments } = services.provisioning
  const actorOf = (context: Context<HttpEnvironment>, right: Right): string => {
    const actor = authorize(context, services, [right])
    throttleService(services.throttling, actor, 'service')
    return actorName(actor)
  }

  for (const [scope, base] of [
    ['individual', '/api/v1/enrollments'],
    ['group', '/api/v1/enrollment-groups'],
  ] as const) {
    app.get(base, async (context) => {
      actorOf(context, 'EnrollmentRead')
      const query = readQuery(context, { after: text(128), limit: wholeNumber(1, PAGE_ITEMS_MAX) })
      const { items, next } = await enrollments.query(scope, {
        condition: { kind: 'all' },
        limit: query.limit ?? PAGE_ITEMS_DEFAULT,
        ...(query.after !== undefined && { after: query.after }),
      })
      const page: Api.Page<Api.Enrollment> = { items: items.map(shown), ...(next !== undefined && { next }) }
      return json(page)
    })
    app.post(base, async (context) => {
      const actor = actorOf(context, 'EnrollmentWrite')
      const input = inputOf(scope, await readJson(context, Api.EnrollmentCreate))
      const { enrollment } = await enrollments.put(input, { kind: 'new' }, actor)
      return json(shown(enrollment), 201, { location: `${base}/${encodeURIComponent(enrollment.id)}` })
    })
    app.get(`${base}/:id`, async (context) => {
      actorOf(context, 'EnrollmentRead')
      return json(shown(await enrollments.read(scope, idOf(context))))
    })
    app.delete(`${base}/:id`, async (context) => {
      const actor = actorOf(context, 'EnrollmentWrite')
      await enrollments.delete(scope, idOf(context), { kind: 'none' }, actor)
      return new Response(null, { status: 204 })
    })
  }

  app.get('/api/v1/enrollment-groups/:id/derived-key/:registrationId', async (context) => {
    // A key of a device is a secret: as with those of an enrolment, reading is not enough.
    const actor = actorOf(context, 'EnrollmentWrite')
    const key = await enrollments.derivedKey(idOf(context), context.req.param('registrationId'), actor)
    return json({ key })
  })
  return app
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
function idOf(context: Context<HttpEnvironment>): RegistrationId {
  const id = parseRegistrationId(context.req.param('id') ?? '')
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
