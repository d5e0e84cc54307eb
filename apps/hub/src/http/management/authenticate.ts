/** Who sent a request, from what it shows. All refusals look alike to the sender; the log tells them apart. */

import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { Problem } from '../../core/problem.ts'
import type { Actor } from '../../people/actor.ts'
import type { Identification, Identified } from '../../people/identification.ts'
import type { ManagementServices } from './services.ts'

/** Longest `Authorization` that is looked at, in characters; Azure's tokens for long names stay under half of it. */
const AUTHORIZATION_CHARACTERS_MAX = 4_096

export type AuthenticationServices = Pick<ManagementServices, 'policies' | 'events' | 'clock'> & Identification

/** Whether the address takes people and machines with tokens, or knows Azure's policies alone. */
export type Ways = 'all' | 'policies'

/** @throws Problem 401. */
export async function authenticate(
  context: Context<HttpEnvironment>,
  services: AuthenticationServices,
  ways: Ways,
): Promise<Actor> {
  if (context.env.peer.transport === 'local') return { kind: 'local' }
  const identified = await identify(context, services, ways)
  if (identified.kind === 'caller') return identified.caller
  tellRefused(context, services, `address/${context.env.peer.address}`, identified.code)
  throw unproven(ways)
}

async function identify(
  context: Context<HttpEnvironment>,
  services: AuthenticationServices,
  ways: Ways,
): Promise<Identified<Actor>> {
  const { address } = context.env.peer
  const { headers, method } = context.req.raw
  const authorization = headers.get('authorization')
  if (authorization !== null && authorization.length > AUTHORIZATION_CHARACTERS_MAX) return denied('bad-credential')
  // RFC 9110 §11.1: the name of a scheme is without case.
  const bearer = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  const shown = { method, bearer, cookie: headers.get('cookie') ?? undefined, headers, address }
  if (ways === 'all' && bearer?.startsWith('hft_') === true) {
    return (await services.identifyToken?.(shown)) ?? denied('bad-credential')
  }
  // A cookie counts only beside no other credential, so that none is taken for what the sender did not choose.
  if (
    ways === 'all' &&
    (bearer?.startsWith('hfs_') === true || (authorization === null && shown.cookie !== undefined))
  ) {
    return (await services.identifySession?.(shown)) ?? denied('no-credential')
  }
  if (authorization === null) return denied('no-credential')
  const verdict = services.policies.verifyService(authorization, address)
  if (verdict.kind !== 'allowed') return denied(verdict.code)
  return { kind: 'caller', caller: { kind: 'policy', principal: verdict.principal } }
}

function denied(code: string): { readonly kind: 'denied'; readonly code: string } {
  return { kind: 'denied', code }
}

function unproven(ways: Ways): Problem {
  const isOfHoldfast = ways === 'all'
  return new Problem({
    status: 401,
    code: 'not-authorized',
    title: 'the request does not prove who sends it',
    detail: isOfHoldfast
      ? 'sign in, or send Authorization with a token of this hub: Bearer hft_…, or SharedAccessSignature sr=…, not expired'
      : 'send Authorization: SharedAccessSignature sr=…, made from a policy of this hub and not expired',
    headers: { 'www-authenticate': isOfHoldfast ? 'Bearer, SharedAccessSignature' : 'SharedAccessSignature' },
  })
}

/** A request that was refused, as an event. The sink bounds their rate. */
export function tellRefused(
  context: Context<HttpEnvironment>,
  services: Pick<ManagementServices, 'events' | 'clock'>,
  actor: string,
  reason: string,
  operation?: string,
): void {
  services.events.sink({
    type: 'request.refused',
    at: services.clock.wall(),
    subject: 'hub',
    actor,
    // The matched route, not the path: that one is the peer's text.
    detail: {
      method: context.req.method,
      reason,
      address: context.env.peer.address,
      ...(operation === undefined ? {} : { operation }),
    },
  })
}
