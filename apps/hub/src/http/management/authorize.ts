/** Whether whoever asks may do what they ask for. */

import type { Action, Operation } from '@holdfast/api'
import type { Denial } from '@holdfast/authorization'
import type { Right } from '@holdfast/identity'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { EVERYWHERE, type Reach } from '../../people/reach.ts'
import type { Verdict } from '../../people/authorization-office.ts'
import { Problem } from '../../core/problem.ts'
import { type Actor, actorName, mayAll, type Requirement } from '../../people/actor.ts'
import { authenticate, type AuthenticationServices, tellRefused } from './authenticate.ts'
import { RIGHTS_OF_ACTION } from '../../people/rights.ts'
import type { ManagementServices } from './services.ts'

export type AuthorizationServices = AuthenticationServices & Pick<ManagementServices, 'authorization'>

/**
 * At Azure's addresses, where Azure's rights count: who sent the request, if they have every right of `required`.
 * @throws Problem 401 (all reasons look alike; the log tells them apart) or 403.
 */
export async function authorize(
  context: Context<HttpEnvironment>,
  services: AuthenticationServices,
  required: Requirement,
): Promise<Actor> {
  const actor = await authenticate(context, services, 'policies')
  demandRights(context, services, actor, required)
  return actor
}

/** Who asked for an operation, and which devices it may find. */
export interface Authorized {
  readonly actor: Actor
  readonly reach: Reach
}

/**
 * At `/api/v1`: who sent the request, if they may do what the operation does.
 * @throws Problem 401, 403, or 404 for what is another organisation's.
 */
export async function authorizeOperation(
  context: Context<HttpEnvironment>,
  services: AuthorizationServices,
  operation: Pick<Operation, 'id' | 'action' | 'on'>,
): Promise<Authorized> {
  const actor = await authenticate(context, services, 'all')
  if (actor.kind === 'person' && actor.posture === 'none' && operation.on !== 'self') {
    tellRefused(context, services, actorName(actor), 'workstation', operation.id)
    throw refusedWorkstation()
  }
  const verdict = await decide(context, services, actor, operation)
  if (verdict.kind === 'allowed') return { actor, reach: verdict.reach }
  const reason = verdict.kind === 'absent' ? 'other-organisation' : verdict.why
  const isPolicy = verdict.kind === 'denied' && verdict.lacking !== undefined
  tellRefused(context, services, actorName(actor), isPolicy ? 'policy-without-right' : reason, operation.id)
  if (verdict.kind === 'absent') throw absent(operation)
  if (verdict.lacking !== undefined) throw withoutRights(actorName(actor).replace(/^policy\//, ''), verdict.lacking)
  throw withoutAction(operation.action, verdict.why)
}

async function decide(
  context: Context<HttpEnvironment>,
  services: AuthorizationServices,
  actor: Actor,
  operation: Pick<Operation, 'action' | 'on'>,
): Promise<Verdict> {
  const { authorization } = services
  if (authorization !== undefined) {
    return authorization.decide(actor, { operation, parameter: (name) => context.req.param(name) })
  }
  // Where nobody keeps organisations there is one, and neither people nor tokens.
  if (actor.kind === 'local') return { kind: 'allowed', reach: EVERYWHERE }
  const lacking = RIGHTS_OF_ACTION[operation.action].filter((right) => !mayAll(actor, [right]))
  if (actor.kind !== 'policy') return { kind: 'denied', why: 'not-granted' }
  return lacking.length === 0 ? { kind: 'allowed', reach: EVERYWHERE } : { kind: 'denied', why: 'not-granted', lacking }
}

/** By policy nothing is done from a workstation that is not known to be safe, but for making it so. */
function refusedWorkstation(): Problem {
  return new Problem({
    status: 403,
    code: 'workstation-refused',
    title: 'no workstation with a fresh, green report vouches for your session',
    detail:
      'run holdfast workstation report, and holdfast workstation vouch with the code that your session page shows',
  })
}

function demandRights(
  context: Context<HttpEnvironment>,
  services: AuthenticationServices,
  actor: Actor,
  required: Requirement,
): void {
  const lacking = required.filter((right) => !mayAll(actor, [right]))
  if (lacking.length === 0) return
  tellRefused(context, services, actorName(actor), 'policy-without-right')
  throw withoutRights(actorName(actor).replace(/^policy\//, ''), lacking)
}

export function withoutRights(policy: string, lacking: readonly Right[]): Problem {
  return new Problem({
    status: 403,
    code: 'not-allowed',
    title: `the policy ${policy} may not do this`,
    detail: `use a policy with the right ${lacking.join(' and ')}`,
  })
}

const DENIALS: Readonly<Record<Denial, (action: Action) => readonly [title: string, detail: string]>> = {
  'not-granted': (action) => [
    `you may not do this: ${action}`,
    `ask whoever gives out roles; holdfast access explain --action ${action} says what is missing`,
  ],
  forbidden: (action) => [
    `a rule forbids this: ${action}`,
    `holdfast access explain --action ${action} shows the rule; a proof of presence may be what it asks for`,
  ],
  'read-only': (action) => [
    `from where you are you may read, and not do this: ${action}`,
    'report the posture of your workstation, or come from one that is enrolled',
  ],
  'other-organisation': (action) => [
    `this is for the organisation that the hub belongs to: ${action}`,
    'ask whoever runs the hub',
  ],
  fault: (action) => [
    `it could not be decided whether you may do this: ${action}`,
    'the log of the hub says why; whoever writes the roles has to correct them',
  ],
}

export function withoutAction(action: Action, why: Denial = 'not-granted'): Problem {
  const [title, detail] = DENIALS[why](action)
  return new Problem({ status: 403, code: 'not-allowed', title, detail })
}

/** Worded as for what is not there, since for whoever asks it is not. */
function absent({ on }: Pick<Operation, 'on'>): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: on === 'device' ? 'the device does not exist' : `there is no such ${on}`,
    detail: on === 'device' ? 'check the id; ids are case-sensitive' : 'list those that there are',
  })
}
