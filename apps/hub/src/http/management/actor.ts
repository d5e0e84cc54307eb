/** Who asks, and whether they may. */

import type { Context } from 'hono'
import type { Principal, Right } from '@holdfast/identity'
import type { HttpEnvironment } from '../environment.ts'
import { Problem } from '../problem.ts'
import type { ManagementServices } from './services.ts'

export type Actor =
  /** Through the socket in the data folder, whose file mode is the authorisation. May do everything. */
  | { readonly kind: 'operator' }
  /** A service, by a token of a shared access policy. */
  | { readonly kind: 'service'; readonly principal: Principal }

/** What a route asks for: every one of these rights. */
export type Requirement = readonly [Right, ...Right[]]

/** What only the owner's policy has together: for what reaches past devices, to keys, policies and events. */
export const OWNER: Requirement = ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect']

/** The actor as events name it. */
export function actorName(actor: Actor): string {
  return actor.kind === 'operator' ? 'operator/local' : `policy/${actor.principal.name}`
}

export function mayAll(actor: Actor, rights: readonly Right[]): boolean {
  return actor.kind === 'operator' || rights.every((right) => actor.principal.rights.includes(right))
}

/**
 * Who sent the request, if they have every right of `required`.
 * @throws Problem 401 (all reasons look alike; the log tells them apart) or 403.
 */
export function authorize(
  context: Context<HttpEnvironment>,
  services: Pick<ManagementServices, 'policies' | 'events' | 'clock'>,
  required: Requirement,
): Actor {
  const { peer } = context.env
  if (peer.transport === 'local') return { kind: 'operator' }
  const header = context.req.header('authorization')
  const verdict = header === undefined ? undefined : services.policies.verifyService(header, peer.address)
  if (verdict?.kind !== 'allowed') {
    refused(context, services, `address/${peer.address}`, verdict?.code ?? 'no-credential')
    throw new Problem({
      status: 401,
      code: 'not-authorized',
      title: 'the request does not prove who sends it',
      detail: 'send Authorization: SharedAccessSignature sr=…, made from a policy of this hub and not expired',
      headers: { 'www-authenticate': 'SharedAccessSignature' },
    })
  }
  const actor: Actor = { kind: 'service', principal: verdict.principal }
  const lacking = required.filter((right) => !verdict.principal.rights.includes(right))
  if (lacking.length > 0) {
    refused(context, services, actorName(actor), 'policy-without-right')
    throw withoutRights(verdict.principal.name, lacking)
  }
  return actor
}

export function withoutRights(policy: string, lacking: readonly Right[]): Problem {
  return new Problem({
    status: 403,
    code: 'not-allowed',
    title: `the policy ${policy} may not do this`,
    detail: `use a policy with the right ${lacking.join(' and ')}`,
  })
}

function refused(
  context: Context<HttpEnvironment>,
  services: Pick<ManagementServices, 'events' | 'clock'>,
  actor: string,
  reason: string,
): void {
  services.events.sink({
    type: 'request.refused',
    at: services.clock.wall(),
    subject: 'hub',
    actor,
    // The matched route, not the path: that one is the peer's text.
    detail: { method: context.req.method, reason, address: context.env.peer.address },
  })
}
