/** Models of devices. */

import { OPERATIONS, type SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { type DeviceModel, ModelError, readModel, requirementsOf, stepsOf } from '@holdfast/models'
import { badRequest, Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { type Versioned, versioned } from './entity-tag.ts'
import { onePage } from './page.ts'
import { type Route, serve } from './route.ts'

const { model: modelOperations } = OPERATIONS

export const MODEL_ROUTES: readonly Route[] = [
  serve(modelOperations.list, async ({ services, query }) =>
    onePage(query, services.supply.models.list(), ({ id }) => id, modelJson),
  ),
  serve(modelOperations.create, async ({ services, body, actor }) =>
    shown(await services.supply.models.create(drafted(body), actorName(actor))),
  ),
  serve(modelOperations.show, async ({ services, path }) => {
    const model = services.supply.models.read(path.model)
    if (model !== undefined) return shown(model)
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'there is no model of this id',
      detail: 'list the models for those that exist',
    })
  }),
  serve(modelOperations.replace, async ({ services, path: { model: id }, body, actor, ifMatch }) => {
    if (body.id !== undefined && body.id !== id)
      throw badRequest([{ path: '/id', message: 'is not that of the address' }])
    return shown(await services.supply.models.update(drafted({ ...body, id }), actorName(actor), ifMatch))
  }),
  serve(modelOperations.delete, async ({ services, path, actor, ifMatch }) => {
    await services.supply.models.delete(path.model, actorName(actor), ifMatch)
    return undefined
  }),
]

function shown(model: DeviceModel): Versioned<SupplyApi.Model> {
  return versioned(model.etag, modelJson(model))
}

function drafted(document: SupplyApi.ModelDocument): ReturnType<typeof readModel> {
  try {
    return readModel(document)
  } catch (error) {
    if (error instanceof ModelError && error.faults.length > 0) throw badRequest(error.faults)
    throw error
  }
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
