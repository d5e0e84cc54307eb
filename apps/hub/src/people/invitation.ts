/** What an invitation gives, and what whoever invites has to be able to do for it: now, and still when it is used. */

import type { Action } from '@holdfast/api'
import type { Resource } from '@holdfast/authorization'

export interface Invitation {
  readonly organisation: string
  readonly roles: readonly string[]
}

/** To give roles. */
export const GIVING: Action = 'access:write'

/**
 * On what the inviter needs the right `GIVING`. Into their own organisation: there, and nothing where no role is given.
 * Into another one, whose things they cannot reach: on the hub, as whoever makes organisations, since somebody has to be its
 * first.
 * @param own the organisation of whoever invites; undefined: they have none.
 */
export function givenBy(own: string | undefined, { organisation, roles }: Invitation): Resource | undefined {
  if (own !== organisation) return { kind: 'hub' }
  return roles.length === 0 ? undefined : { kind: 'organisation', organisation }
}
