import { Api } from '@holdfast/api'
import type { GroupOutcome } from '../../amqp/consumer-groups.ts'
import { readJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { actorName } from './actor.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const GROUPS = '/api/v1/consumer-groups'

export const CONSUMER_GROUP_ROUTES: readonly Route[] = [
  { method: 'GET', path: GROUPS, rights: ['ServiceConnect'], answer: list },
  { method: 'POST', path: GROUPS, rights: ['RegistryWrite', 'ServiceConnect'], answer: create },
  { method: 'DELETE', path: `${GROUPS}/:name`, rights: ['RegistryWrite', 'ServiceConnect'], answer: remove },
]

async function list(call: Call): Promise<Response> {
  const groups = call.services.consumerGroups.list()
  return json(
    onePage(
      call.context,
      groups,
      (name) => name,
      (name): Api.ConsumerGroup => ({ name }),
    ),
  )
}

async function create(call: Call): Promise<Response> {
  const { name } = await readJson(call.context, Api.ConsumerGroupCreate)
  refuse(await call.services.consumerGroups.create(name, actorName(call.actor)))
  return json({ name } satisfies Api.ConsumerGroup, 201)
}

async function remove(call: Call): Promise<Response> {
  refuse(await call.services.consumerGroups.delete(parameter(call, 'name'), actorName(call.actor)))
  return new Response(null, { status: 204 })
}

const REFUSALS: Readonly<Record<Exclude<GroupOutcome, 'done'>, ConstructorParameters<typeof Problem>[0]>> = {
  invalid: {
    status: 400,
    code: 'invalid',
    title: 'the name is not one of a consumer group',
    detail: 'it has 1 to 50 letters, digits and . _ - and begins and ends with a letter or digit',
  },
  exists: {
    status: 409,
    code: 'exists',
    title: 'there is a consumer group of this name',
    detail: 'names of consumer groups are compared in any case',
  },
  'too-many': {
    status: 409,
    code: 'too-many',
    title: 'there are as many consumer groups as there may be',
    detail: 'delete one first; there are 20 at most, $Default among them',
  },
  missing: {
    status: 404,
    code: 'missing',
    title: 'there is no consumer group of this name',
    detail: 'list the consumer groups for those that exist',
  },
  default: {
    status: 409,
    code: 'not-deletable',
    title: 'this consumer group is always there',
    detail: 'the others can be deleted',
  },
}

function refuse(outcome: GroupOutcome): void {
  if (outcome !== 'done') throw new Problem(REFUSALS[outcome])
}
