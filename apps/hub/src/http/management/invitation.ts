/** What an invitation gives: a place in an organisation, and roles there. */

import { withoutAction } from './authorize.ts'
import type { Call } from './route.ts'
import { Problem } from '../../core/problem.ts'

/**
 * Whoever invites into their own organisation with roles has to be able to give roles there; into another one, whose
 * things they cannot reach, whoever makes organisations invites, since somebody has to be its first.
 * @throws Problem 403, or 404 where there is no such organisation or role.
 */
export async function demandInvitation(
  { actor, services }: Call,
  { organisation, roles }: { readonly organisation: string; readonly roles: readonly string[] },
): Promise<void> {
  const { authorization } = services
  if (authorization === undefined) return
  const { access } = authorization
  if (access.tree.organisation(organisation) === undefined) throw missing(`organisation ${organisation}`)
  for (const role of roles) {
    if (access.role(organisation, role) === undefined) throw missing(`role ${role} in ${organisation}`)
  }
  const isOwn = (actor.kind === 'person' || actor.kind === 'token') && actor.organisation === organisation
  const resource = isOwn ? ({ kind: 'organisation', organisation } as const) : ({ kind: 'hub' } as const)
  if (isOwn && roles.length === 0) return
  if (!(await authorization.may(actor, 'access:write', resource))) throw withoutAction('access:write')
}

function missing(what: string): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: `there is no ${what}`,
    detail: 'list the organisations and their roles: holdfast organisation list, holdfast role list',
  })
}
