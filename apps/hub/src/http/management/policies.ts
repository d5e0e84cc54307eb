/** Shared access policies. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { formatTimestamp, type Timestamp } from '@holdfast/base'
import type { AccessPolicy } from '@holdfast/identity'
import { formatConnectionString } from '@holdfast/tokens'
import { Problem } from '../../core/problem.ts'
import { eventHubName } from '../../amqp/event-hub-name.ts'
import { actorName, mayAll } from '../../people/actor.ts'
import { withoutRights } from './authorize.ts'
import { cutOff } from './changed.ts'
import { onePage } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'
import type { ManagementServices } from './services.ts'

const { policy: policyOperations } = OPERATIONS

const MINUTE_MS = 60_000

export const POLICY_ROUTES: readonly Route[] = [
  serve(policyOperations.list, async ({ services, query }) =>
    onePage(
      query,
      services.policies.list(),
      ({ name }) => name,
      (policy) => policyJson(services, policy),
    ),
  ),
  serve(policyOperations.connectionString, connectionString),
  serve(policyOperations.rotate, async (call) => {
    const { name } = reachable(call)
    const { overlapMinutes, evenIfUsed = false } = call.body
    const overlap = overlapMinutes === undefined ? {} : { overlapMs: overlapMinutes * MINUTE_MS }
    const { policies } = call.services
    const { policy, cuts } = await policies.rotate(name, { evenIfUsed, ...overlap }, actorName(call.actor))
    const { sessionsClosed } = await cutOff(call, cuts)
    return { policy: policyJson(call.services, policy), sessionsClosed }
  }),
  serve(policyOperations.retire, async (call) => {
    const { name } = reachable(call)
    const { policy, cuts } = await call.services.policies.retire(name, actorName(call.actor))
    const { sessionsClosed } = await cutOff(call, cuts)
    return { policy: policyJson(call.services, policy), sessionsClosed }
  }),
  serve(policyOperations.regenerateKey, async (call) => {
    const { name } = reachable(call)
    const { cuts } = await call.services.policies.regenerateKey(name, call.body.key, actorName(call.actor))
    return cutOff(call, cuts)
  }),
]

function policyJson({ policies }: Pick<ManagementServices, 'policies'>, policy: AccessPolicy): Api.Policy {
  const rotation = policies.rotationOf(policy)
  const key = (slot: 'primary' | 'secondary', since: Timestamp, used: Timestamp | undefined) => ({
    slot,
    since: formatTimestamp(since),
    ...(used !== undefined && { lastUsed: formatTimestamp(used).slice(0, 10) }),
    ...(rotation.retiresTime !== undefined &&
      slot !== rotation.current && { retires: formatTimestamp(rotation.retiresTime) }),
  })
  return {
    name: policy.name,
    rights: [...policy.rights],
    current: rotation.current,
    keys: [
      key('primary', rotation.primaryTime, rotation.primaryUsed),
      key('secondary', rotation.secondaryTime, rotation.secondaryUsed),
    ],
  }
}

async function connectionString(call: Asked<typeof policyOperations.connectionString>): Promise<Api.ConnectionString> {
  const { services } = call
  const policy = reachable(call)
  const { eventHub = false, key: slot = services.policies.rotationOf(policy).current } = call.query
  const credential = { kind: 'key', key: slot === 'primary' ? policy.primaryKey : policy.secondaryKey } as const
  services.events.sink({
    type: 'policy.secret-disclosed',
    at: services.clock.wall(),
    subject: `policy/${policy.name}`,
    actor: actorName(call.actor),
    detail: { slot },
  })
  return {
    connectionString: formatConnectionString(
      eventHub
        ? { kind: 'event-hub', ...eventHubOf(services), policyName: policy.name, credential }
        : { kind: 'service', hostName: services.hostName, policyName: policy.name, credential },
    ),
  }
}

/**
 * The policy that the path names. Nobody is given the key of a policy that has rights they lack, or takes it from
 * others: an owner of the hub is no owner of the enrolments.
 */
function reachable(call: Call & { readonly path: { readonly name: string } }): AccessPolicy {
  const policy = call.services.policies.read(call.path.name)
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
