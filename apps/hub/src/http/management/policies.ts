import { Api } from '@holdfast/api'
import type { AccessPolicy } from '@holdfast/identity'
import { formatConnectionString } from '@holdfast/tokens'
import { readJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { flag, oneOf, readQuery } from '../query.ts'
import { eventHubName } from '../../amqp/event-hub-name.ts'
import { actorName, mayAll, OWNER, withoutRights } from './actor.ts'
import { cutOff } from './changed.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'
import type { ManagementServices } from './services.ts'

const POLICIES = '/api/v1/policies'

export const POLICY_ROUTES: readonly Route[] = [
  { method: 'GET', path: POLICIES, rights: OWNER, answer: list },
  { method: 'GET', path: `${POLICIES}/:name/connection-string`, rights: OWNER, answer: connectionString },
  { method: 'POST', path: `${POLICIES}/:name/regenerate-key`, rights: OWNER, answer: regenerateKey },
]

async function list(call: Call): Promise<Response> {
  const policies = call.services.policies.list()
  return json(
    onePage(
      call.context,
      policies,
      ({ name }) => name,
      ({ name, rights }): Api.Policy => ({ name, rights: [...rights] }),
    ),
  )
}

async function connectionString(call: Call): Promise<Response> {
  const { eventHub = false, key: slot = 'primary' } = readQuery(call.context, {
    eventHub: flag,
    key: oneOf('primary', 'secondary'),
  })
  const { services } = call
  const policy = reachable(call)
  const credential = { kind: 'key', key: slot === 'primary' ? policy.primaryKey : policy.secondaryKey } as const
  services.events.sink({
    type: 'policy.secret-disclosed',
    at: services.clock.wall(),
    subject: `policy/${policy.name}`,
    actor: actorName(call.actor),
    detail: { slot },
  })
  const answer: Api.ConnectionString = {
    connectionString: formatConnectionString(
      eventHub
        ? { kind: 'event-hub', ...eventHubOf(services), policyName: policy.name, credential }
        : { kind: 'service', hostName: services.hostName, policyName: policy.name, credential },
    ),
  }
  return json(answer)
}

async function regenerateKey(call: Call): Promise<Response> {
  const { key: slot } = await readJson(call.context, Api.KeyChoice)
  const { name } = reachable(call)
  const { cuts } = await call.services.policies.regenerateKey(name, slot, actorName(call.actor))
  return json(await cutOff(call, cuts))
}

/**
 * The policy that the path names. Nobody is given the key of a policy that has rights they lack, or takes it from
 * others: an owner of the hub is no owner of the enrolments.
 */
function reachable(call: Call): AccessPolicy {
  const policy = call.services.policies.read(parameter(call, 'name'))
  if (policy === undefined) {
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'there is no policy of this name',
      detail: 'list the policies for those that exist; names are case-sensitive',
    })
  }
  if (!mayAll(call.actor, policy.rights)) {
    const lacking = policy.rights.filter((right) => !mayAll(call.actor, [right]))
    throw withoutRights(actorName(call.actor).replace(/^policy\//, ''), lacking)
  }
  return policy
}

/** The hub's telemetry as an Event Hub; its entity is the hub's name up to the first dot, as Azure has it. */
function eventHubOf({ hostName, amqpPort }: ManagementServices): { endpoint: string; entityPath: string } {
  if (amqpPort === 0) {
    throw new Problem({
      status: 409,
      code: 'event-hubs-not-served',
      title: 'this hub does not serve the Event Hubs-compatible endpoint',
      detail: 'read telemetry with `holdfast messages read`, or GET /api/v1/messages',
    })
  }
  const port = amqpPort === 5671 ? '' : `:${amqpPort}`
  return { endpoint: `sb://${hostName}${port}/`, entityPath: eventHubName(hostName) }
}
