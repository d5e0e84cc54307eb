/** Whether an invitation may be made (`people/invitation.ts`). */

import { withoutAction } from './authorize.ts'
import { givenBy, GIVING, type Invitation } from '../../people/invitation.ts'
import type { Call } from './route.ts'
import { Problem } from '../../core/problem.ts'

/** @throws Problem 403, or 404 where there is no such organisation or role. */
export async function demandInvitation({ actor, services }: Call, { organisation, roles }: Invitation): Promise<void> {
  const { authorization } = services
  if (authorization === undefined) return
  const { access } = authorization
  if (access.tree.organisation(organisation) === undefined) throw missing(`organisation ${organisation}`)
  for (const role of roles) {
    if (access.role(organisation, role) === undefined) throw missing(`role ${role} in ${organisation}`)
  }
  const own = actor.kind === 'person' || actor.kind === 'token' ? actor.organisation : undefined
  const resource = givenBy(own, { organisation, roles })
  if (resource === undefined) return
  if (!(await authorization.may(actor, GIVING, resource))) throw withoutAction(GIVING)
}

function missing(what: string): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: `there is no ${what}`,
    detail: 'list the organisations and their roles: holdfast organisation list, holdfast role list',
  })
}
