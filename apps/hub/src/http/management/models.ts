/** Models of devices. */

import { SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { type DeviceModel, ModelError, readModel, requirementsOf, stepsOf } from '@holdfast/models'
import { readJson } from '../json-body.ts'
import { badRequest, Problem } from '../problem.ts'
import { readQuery } from '../query.ts'
import { actorName } from './actor.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const MODELS = '/api/v1/models'
const ONE = `${MODELS}/:model` as const

export const MODEL_ROUTES: readonly Route[] = [
  { method: 'GET', path: MODELS, rights: ['RegistryRead'], answer: list },
  { method: 'POST', path: MODELS, rights: ['RegistryWrite'], answer: create },
  { method: 'GET', path: ONE, rights: ['RegistryRead'], answer: show },
  { method: 'PUT', path: ONE, rights: ['RegistryWrite'], answer: update },
  { method: 'DELETE', path: ONE, rights: ['RegistryWrite'], answer: remove },
]

async function list(call: Call): Promise<Response> {
  return json(onePage(call.context, call.services.supply.models.list(), ({ id }) => id, modelJson))
}

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const model = call.services.supply.models.read(parameter(call, 'model'))
  if (model !== undefined) return json(modelJson(model), 200, { etag: `"${model.etag}"` })
  throw new Problem({
    status: 404,
    code: 'missing',
    title: 'there is no model of this id',
    detail: 'list the models for those that exist',
  })
}

async function create(call: Call): Promise<Response> {
  const { supply } = call.services
  const draft = drafted(await readJson(call.context, SupplyApi.ModelDocument))
  return json(modelJson(await supply.models.create(draft, actorName(call.actor))), 201)
}

async function update(call: Call): Promise<Response> {
  const document = await readJson(call.context, SupplyApi.ModelDocument)
  const id = parameter(call, 'model')
  if (document.id !== undefined && document.id !== id) {
    throw badRequest([{ path: '/id', message: 'is not that of the address' }])
  }
  const draft = drafted({ ...document, id })
  return json(modelJson(await call.services.supply.models.update(draft, actorName(call.actor), ifMatch(call))))
}

async function remove(call: Call): Promise<Response> {
  await call.services.supply.models.delete(parameter(call, 'model'), actorName(call.actor), ifMatch(call))
  return new Response(null, { status: 204 })
}

function drafted(document: SupplyApi.ModelDocument): ReturnType<typeof readModel> {
  try {
    return readModel(document)
  } catch (error) {
    if (error instanceof ModelError && error.faults.length > 0) throw badRequest(error.faults)
    throw error
  }
}

/** RFC 9110 §13.1.1, one ETag or `*`. */
function ifMatch({ context }: Call): string | undefined {
  const header = context.req.header('if-match')
  if (header === undefined) return undefined
  const etag = /^"(.*)"$/.exec(header)?.[1] ?? header
  return etag === '*' ? undefined : etag
}

function modelJson(model: DeviceModel): SupplyApi.Model {
  const { hardwareRevisions, announces, requirements, policies, createdTime, updatedTime, ...rest } = model
  const effective = requirementsOf(model)
  const steps = Object.entries(stepsOf(effective)).map(([step, names]): [string, string[]] => [step, [...names]])
  const { credentials, rules } = requirements
  return {
    ...rest,
    hardwareRevisions: [...hardwareRevisions],
    ...(announces === undefined ? {} : { announces: [...announces] }),
    requirements: { ...(credentials === undefined ? {} : { credentials: [...credentials] }), ...rules },
    ...policies,
    effective: { credentials: [...effective.credentials], steps: Object.fromEntries(steps) },
    createdTime: formatTimestamp(createdTime),
    updatedTime: formatTimestamp(updatedTime),
  }
}
