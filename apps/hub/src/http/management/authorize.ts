/** Whether whoever asks may do what they ask for. */

import type { Action, Operation } from '@holdfast/api'
import type { Right } from '@holdfast/identity'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { Problem } from '../problem.ts'
import { type Actor, actorName, mayAll, type Requirement } from './actor.ts'
import { authenticate, type AuthenticationServices, tellRefused } from './authenticate.ts'
import { RIGHTS_OF_ACTION } from './rights.ts'

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

/**
 * At `/api/v1`: who sent the request, if they may do what the operation does.
 * @throws Problem 401 or 403.
 */
export async function authorizeOperation(
  context: Context<HttpEnvironment>,
  services: AuthenticationServices,
  operation: Pick<Operation, 'action' | 'on'>,
): Promise<Actor> {
  const actor = await authenticate(context, services, 'all')
  if (actor.kind === 'local' || actor.kind === 'policy') {
    demandRights(context, services, actor, RIGHTS_OF_ACTION[operation.action])
    return actor
  }
  // Whoever is known may always do what is theirs alone: see who they are, and sign out.
  if (operation.on === 'self') return actor
  tellRefused(context, services, actorName(actor), 'no-permission')
  throw withoutAction(operation.action)
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

export function withoutAction(action: Action): Problem {
  return new Problem({
    status: 403,
    code: 'not-allowed',
    title: `you may not do this: ${action}`,
    detail: `ask whoever gives out roles; holdfast access explain --action ${action} says what is missing`,
  })
}
