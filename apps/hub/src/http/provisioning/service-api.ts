/** The service side: enrolments, groups, registrations (azure-iot.md §7). */

import type { Context } from 'hono'
import {
  BULK_BODY_BYTES_MAX,
  DpsError,
  ENROLLMENT_BODY_BYTES_MAX,
  type EnrollmentScope,
  type QueryTarget,
  QUERY_BODY_BYTES_MAX,
  type ServicePath,
  checkApiVersion,
  formatBulkResult,
  formatContinuation,
  formatEnrollment,
  formatRegistrationState,
  parseBulkOperation,
  parseContinuation,
  parseIfMatch,
  parseJson,
  parsePageSize,
  parseQueryBody,
  readEnrollment,
} from '@holdfast/dps'
import type { Right } from '@holdfast/identity'
import type { Results } from '@holdfast/provisioning'
import type { HttpEnvironment } from '../environment.ts'
import { actorName } from '../../people/actor.ts'
import { authorize } from '../management/authorize.ts'
import { throttleService } from '../throttled.ts'
import { empty, json } from './answer.ts'
import { readBody } from './body.ts'
import { expectMethod } from './device-api.ts'
import type { ProvisioningServices } from './services.ts'

interface Call {
  readonly context: Context<HttpEnvironment>
  readonly services: ProvisioningServices
  readonly actor: string
}

/** @throws DpsError, Problem. */
export async function answerService(
  path: ServicePath,
  context: Context<HttpEnvironment>,
  services: ProvisioningServices,
): Promise<Response> {
  const { method } = context.req
  const sender = await authorize(context, services, [rightOf(path, method)])
  checkApiVersion(context.req.query('api-version'))
  throttleService(services.throttling, sender, 'service')
  const actor = actorName(sender)
  const call = { context, services, actor }
  switch (path.kind) {
    case 'enrollments':
      return answerBulk(path.scope, call)
    case 'enrollment':
      return answerEnrollment(path, call)
    case 'enrollment-query':
      return answerEnrollmentQuery(path.scope, call)
    case 'attestation-mechanism':
      expectMethod(method, 'POST')
      return json(200, await services.provisioning.enrollments.attestationMechanism(path.scope, path.id, actor))
    case 'registration':
      return answerRegistration(path, call)
    case 'registration-query':
      return answerRegistrationQuery(path, call)
  }
}

/** Keys are shown to those who could replace them: reading is not enough. */
function rightOf(path: ServicePath, method: string): Right {
  switch (path.kind) {
    case 'enrollment':
      return method === 'GET' ? 'EnrollmentRead' : 'EnrollmentWrite'
    case 'enrollment-query':
      return 'EnrollmentRead'
    case 'enrollments':
    case 'attestation-mechanism':
      return 'EnrollmentWrite'
    case 'registration':
      return method === 'GET' ? 'RegistrationStatusRead' : 'RegistrationStatusWrite'
    case 'registration-query':
      return 'RegistrationStatusRead'
  }
}

async function answerBulk(scope: EnrollmentScope, { context, services, actor }: Call): Promise<Response> {
  expectMethod(context.req.method, 'POST')
  if (scope === 'group') throw new DpsError('not-supported', 'Groups are not written in bulk.')
  const operation = parseBulkOperation(await readBody(context, BULK_BODY_BYTES_MAX))
  return json(200, formatBulkResult(await services.provisioning.enrollments.bulk(operation, actor)))
}

async function answerEnrollment(
  path: Extract<ServicePath, { kind: 'enrollment' }>,
  { context, services, actor }: Call,
): Promise<Response> {
  const { enrollments } = services.provisioning
  const match = parseIfMatch(context.req.header('if-match'))
  switch (context.req.method) {
    case 'GET':
      return json(200, formatEnrollment(await enrollments.read(path.scope, path.id)))
    case 'PUT': {
      const body = await readBody(context, ENROLLMENT_BODY_BYTES_MAX)
      const input = readEnrollment(parseJson(body, ENROLLMENT_BODY_BYTES_MAX), path)
      const { enrollment } = await enrollments.put(input, match, actor)
      // 200 for a new one too: the SDKs know no other.
      return json(200, formatEnrollment(enrollment))
    }
    case 'DELETE':
      await enrollments.delete(path.scope, path.id, match, actor)
      return empty()
    default:
      throw new DpsError('method-not-allowed', 'This address takes GET, PUT and DELETE.')
  }
}

async function answerEnrollmentQuery(scope: EnrollmentScope, call: Call): Promise<Response> {
  const target = scope === 'individual' ? 'enrollments' : 'enrollmentGroups'
  return answerQuery(target, target, call, async (query) => {
    const { items, next } = await call.services.provisioning.enrollments.query(scope, query)
    return { items: items.map(formatEnrollment), ...(next !== undefined && { next }) }
  })
}

async function answerRegistration(
  path: Extract<ServicePath, { kind: 'registration' }>,
  { context, services, actor }: Call,
): Promise<Response> {
  const { provisioning } = services
  switch (context.req.method) {
    case 'GET':
      return json(200, formatRegistrationState(await provisioning.readRegistration(path.id)))
    case 'DELETE':
      await provisioning.deleteRegistration(path.id, parseIfMatch(context.req.header('if-match')), actor)
      return empty()
    default:
      throw new DpsError('method-not-allowed', 'This address takes GET and DELETE.')
  }
}

async function answerRegistrationQuery(
  path: Extract<ServicePath, { kind: 'registration-query' }>,
  call: Call,
): Promise<Response> {
  return answerQuery('registrations', `registrations ${path.groupId}`, call, async (query) => {
    const { items, next } = await call.services.provisioning.queryRegistrations(path.groupId, query)
    return { items: items.map(formatRegistrationState), ...(next !== undefined && { next }) }
  })
}

const ITEM_TYPES: Readonly<Record<QueryTarget, string>> = {
  enrollments: 'enrollment',
  enrollmentGroups: 'enrollmentGroup',
  registrations: 'deviceRegistration',
}

/** @param place what the query is put to, so that a continuation of another one is refused. */
async function answerQuery(
  target: QueryTarget,
  place: string,
  { context }: Call,
  page: (query: {
    readonly condition: ReturnType<typeof parseQueryBody>['condition']
    readonly after?: string
    readonly limit: number
  }) => Promise<Results<object>>,
): Promise<Response> {
  expectMethod(context.req.method, 'POST')
  const limit = parsePageSize(context.req.header('x-ms-max-item-count'))
  const { text, condition } = parseQueryBody(await readBody(context, QUERY_BODY_BYTES_MAX), target)
  const bound = `${place} ${text}`
  const token = context.req.header('x-ms-continuation')
  const after = token === undefined || token === '' ? undefined : parseContinuation(bound, token)
  const { items, next } = await page({ condition, limit, ...(after !== undefined && { after }) })
  return json(200, items, {
    'x-ms-item-type': ITEM_TYPES[target],
    ...(next !== undefined && { 'x-ms-continuation': formatContinuation(bound, next) }),
  })
}
