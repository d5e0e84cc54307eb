/** Tokens of machines (`protocol/api/src/tokens.ts`). */

import { type AccessToken, expiryOf, lastUseOf, UNUSED_MS } from '@holdfast/access-tokens'
import { ACTIONS, OPERATIONS, type TokenApi } from '@holdfast/api'
import { formatNode, type Grant, parseNode } from '@holdfast/authorization'
import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { isForTokens } from '../../people/authorization-office.ts'
import { requirePresence } from '../../people/presence.ts'
import type { TokenOffice } from '../../people/token-office.ts'
import { badRequest, Problem } from '../../core/problem.ts'
import { type Actor, actorName } from '../../people/actor.ts'
import { onePage } from './page.ts'
import { type Call, type Route, serve } from './route.ts'

const { token: tokenOperations } = OPERATIONS

const MINUTE_MS = 60_000
/** Actions listed in a problem. */
const LISTED_MAX = 8

export const TOKEN_ROUTES: readonly Route[] = [
  serve(tokenOperations.list, async (call) =>
    onePage(
      call.query,
      officeOf(call).tokens.list(call.path.organisation),
      ({ name }) => name,
      (token) => tokenJson(call, token),
    ),
  ),
  serve(tokenOperations.show, async (call) => {
    const token = officeOf(call).tokens.named(call.path.organisation, call.path.name)
    if (token === undefined) throw noSuchToken()
    return tokenJson(call, token)
  }),
  serve(tokenOperations.create, async (call) => {
    demandMaker(call)
    const { organisation } = call.path
    const { name, lifeMinutes, isCanary = false } = call.body
    const scope = await Promise.all(call.body.scope.map((grant, at) => grantOf(call, organisation, grant, at)))
    const beyond = await officeOf(call).beyond(call.actor, organisation, scope)
    if (beyond.length > 0) throw beyondMaker(beyond)
    const draft = { name, organisation, scope, isCanary }
    const made = await officeOf(call).tokens.create(
      lifeMinutes === undefined ? draft : { ...draft, lifeMs: lifeMinutes * MINUTE_MS },
      actorName(call.actor),
    )
    return { ...tokenJson(call, made.token), text: made.text }
  }),
  serve(tokenOperations.rotate, async (call) => {
    demandMaker(call)
    demandOwn(call)
    const { overlapMinutes } = call.body
    const overlapMs = overlapMinutes === undefined ? undefined : overlapMinutes * MINUTE_MS
    const made = await officeOf(call).tokens.rotate(call.path, actorName(call.actor), overlapMs)
    return { ...tokenJson(call, made.token), text: made.text }
  }),
  serve(tokenOperations.retire, async (call) =>
    tokenJson(call, await officeOf(call).tokens.retire(call.path, actorName(call.actor))),
  ),
  serve(tokenOperations.revoke, async (call) => {
    await officeOf(call).tokens.revoke(call.path, actorName(call.actor))
    officeOf(call).showCanaries()
    return undefined
  }),
]

function tokenJson({ services }: Pick<Call, 'services'>, token: AccessToken): TokenApi.Token {
  const now = services.clock.wall()
  const lastUse = lastUseOf(token)
  const expires = expiryOf(token)
  const former = token.secrets[1]
  return {
    name: token.name,
    id: token.id,
    organisation: token.organisation,
    scope: token.scope.map(grantJson),
    maker: token.maker,
    isCanary: token.isCanary,
    createdTime: formatTimestamp(token.createdTime),
    ...(expires !== undefined && !token.isCanary && { expires: formatTimestamp(expires) }),
    state: stateOf(token, now),
    ...(former !== undefined && now < former.expires && { formerUntil: formatTimestamp(former.expires) }),
    ...(lastUse !== undefined && {
      lastUsed: { day: formatTimestamp(lastUse.at).slice(0, 10), address: lastUse.address },
    }),
    isUnused: !token.isCanary && now - (lastUse?.at ?? token.createdTime) >= UNUSED_MS,
  }
}

function stateOf(token: AccessToken, now: Timestamp): TokenApi.Token['state'] {
  if (token.isCanary) return lastUseOf(token) === undefined ? 'canary' : 'canary-used'
  const [first, former] = token.secrets
  if (first === undefined || now >= first.expires) return 'expired'
  return former !== undefined && now < former.expires ? 'rotating' : 'live'
}

function grantJson(grant: Grant): TokenApi.TokenGrant {
  const on = formatNode(grant.node)
  return grant.kind === 'role' ? { role: grant.role, on } : { actions: [...grant.actions], on }
}

async function grantOf(call: Call, organisation: string, grant: TokenApi.TokenGrant, at: number): Promise<Grant> {
  const { role, actions, on } = grant
  const path = `/scope/${at}`
  const node = parseNode(on)
  if (node === undefined) throw badRequest([{ path: `${path}/on`, message: `${NODES}` }])
  const authorization = call.services.authorization
  if (authorization === undefined) throw notServed()
  const { tree } = authorization.access
  const isThere =
    node.kind === 'device'
      ? (await call.services.registry.read({ deviceId: node.deviceId })) !== undefined
      : tree.has(node)
  const resource = node.kind === 'device' ? await authorization.deviceAt(node.deviceId) : node
  if (!isThere || tree.ownerOf(resource) !== organisation) {
    throw badRequest([{ path: `${path}/on`, message: `there is no ${on} in this organisation` }])
  }
  if ((role === undefined) === (actions === undefined)) {
    throw badRequest([{ path, message: 'say either role or actions' }])
  }
  if (role !== undefined) {
    if (authorization.access.role(organisation, role) !== undefined) return { kind: 'role', role, node }
    throw badRequest([{ path: `${path}/role`, message: `there is no role ${role} in this organisation` }])
  }
  const unknown = actions?.find((action) => !ACTIONS.some((one) => one === action && isForTokens(one)))
  if (unknown !== undefined) {
    throw badRequest([{ path: `${path}/actions`, message: `${unknown} is no action, or none that is given to tokens` }])
  }
  return { kind: 'actions', actions: [...new Set(actions)], node }
}

const NODES = 'say organisation/NAME, site/ORGANISATION/NAME, fleet/ORGANISATION/SITE/NAME or device/ID'

/** No token makes or renews another, so that none outlives what its maker meant; a person proves to be there. */
function demandMaker({ actor, services }: { readonly actor: Actor; readonly services: Call['services'] }): void {
  if (actor.kind === 'person') requirePresence(actor, services.clock)
  if (actor.kind !== 'token') return
  throw new Problem({
    status: 403,
    code: 'person-required',
    title: 'a token makes no tokens',
    detail: 'sign in, or do it on the machine of the hub',
  })
}

/**
 * The new text goes to whoever made the token, or to the machine of the hub: to anybody else it would open what its maker
 * may do and they may not, also when they are gone.
 */
function demandOwn(call: Call & { readonly path: { readonly organisation: string; readonly name: string } }): void {
  const { actor, path } = call
  const token = officeOf(call).tokens.named(path.organisation, path.name)
  if (actor.kind === 'local' || token === undefined || token.maker === actorName(actor)) return
  throw new Problem({
    status: 403,
    code: 'not-allowed',
    title: `only ${token.maker}, who made this token, and the machine of the hub rotate it`,
    detail: 'make another token and revoke this one',
  })
}

function officeOf({ services }: Pick<Call, 'services'>): TokenOffice {
  if (services.tokens === undefined) throw notServed()
  return services.tokens
}

function notServed(): Problem {
  return new Problem({ status: 404, code: 'missing', title: 'this hub keeps no tokens', detail: 'start it anew' })
}

function noSuchToken(): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: 'there is no such token',
    detail: 'list those that there are',
  })
}

function beyondMaker(actions: readonly string[]): Problem {
  const rest = actions.length > LISTED_MAX ? ` and ${actions.length - LISTED_MAX} more` : ''
  return new Problem({
    status: 403,
    code: 'not-allowed',
    title: 'a token may do nothing that you may not do yourself there',
    detail: `leave out ${actions.slice(0, LISTED_MAX).join(', ')}${rest}, or ask somebody who may`,
  })
}
