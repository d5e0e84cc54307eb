/** What authorization needs from a disk. Implementers MUST make every write durable before they resolve. */

import type { Because } from '@holdfast/audit'
import type { Placement } from './node.ts'
import type { Role, RoleVersion } from './role.ts'
import type { Assignment } from './subject.ts'
import type { Organisation, Site } from './tree.ts'

/** All of it but earlier versions; it is bounded by `limits.ts`. */
export interface AccessState {
  readonly organisations: readonly Organisation[]
  readonly sites: readonly Site[]
  readonly fleets: readonly Placement[]
  readonly roles: readonly Role[]
  readonly assignments: readonly Assignment[]
}

/** Each is done whole or not at all, with the events that come with it. */
export type AccessChange =
  /** With its first site and fleet, and its roles. */
  | {
      readonly kind: 'add-organisation'
      readonly organisation: Organisation
      readonly placement: Placement
      readonly roles: readonly Role[]
    }
  /** `in-use` while it has devices; sites, fleets, roles and assignments go with it. */
  | { readonly kind: 'remove-organisation'; readonly organisation: string }
  | { readonly kind: 'add-site'; readonly site: Site }
  /** `in-use` while a fleet stands in it. */
  | { readonly kind: 'remove-site'; readonly site: Site }
  | { readonly kind: 'add-fleet'; readonly placement: Placement }
  /** `in-use` while a device stands in it. */
  | { readonly kind: 'remove-fleet'; readonly placement: Placement }
  /** `conflict` unless the role has the ETag `found`, or is not there where that is undefined. Keeps the text among the versions. */
  | { readonly kind: 'write-role'; readonly role: Role; readonly found: string | undefined }
  /** Its assignments go with it. `conflict` unless it has the ETag. */
  | { readonly kind: 'remove-role'; readonly organisation: string; readonly name: string; readonly found: string }
  /** Done already where there is the same: `written`. */
  | { readonly kind: 'assign'; readonly assignment: Assignment }
  | { readonly kind: 'unassign'; readonly assignment: Pick<Assignment, 'principal' | 'role' | 'node'> }
  /** All of a principal. */
  | { readonly kind: 'unassign-all'; readonly principal: string }

/** How often somebody was allowed an action on one day. */
export interface Use {
  readonly principal: string
  readonly action: string
  /** Days since 1970-01-01 UTC. */
  readonly day: number
  readonly allowed: number
  readonly refused: number
}

export interface AccessStore {
  readAccess(): Promise<AccessState>
  changeAccess(
    change: AccessChange,
    because?: Because,
  ): Promise<'written' | 'conflict' | 'in-use' | 'missing' | 'exists'>
  /** Newest first, at most `ROLE_VERSIONS_KEPT`. */
  listRoleVersions(organisation: string, name: string): Promise<readonly RoleVersion[]>
  /** Adds to what was counted, and forgets days before `keptFrom`. */
  countUse(uses: readonly Use[], keptFrom: number): Promise<void>
  /** Sums since the day, of principals whose names are given; when each action was last allowed, as a day. */
  listUse(principals: readonly string[], sinceDay: number): Promise<readonly UseSum[]>
}

export interface UseSum {
  readonly principal: string
  readonly action: string
  readonly allowed: number
  readonly lastDay: number
}
