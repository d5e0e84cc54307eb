/** Consumer groups of the Event Hubs-compatible endpoint. */

import { type Api, OPERATIONS } from '@holdfast/api'
import type { GroupOutcome } from '../../amqp/consumer-groups.ts'
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { onePage } from './page.ts'
import { type Route, serve } from './route.ts'

const { consumerGroup } = OPERATIONS

export const CONSUMER_GROUP_ROUTES: readonly Route[] = [
  serve(consumerGroup.list, async ({ services, query }) =>
    onePage(
      query,
      services.consumerGroups.list(),
      (name) => name,
      (name): Api.ConsumerGroup => ({ name }),
    ),
  ),
  serve(consumerGroup.create, async ({ services, body: { name }, actor }) => {
    refuse(await services.consumerGroups.create(name, actorName(actor)))
    return { name }
  }),
  serve(consumerGroup.delete, async ({ services, path, actor }) => {
    refuse(await services.consumerGroups.delete(path.name, actorName(actor)))
    return undefined
  }),
]

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
