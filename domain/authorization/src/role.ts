/** Roles: what whoever has one may do, as the text of policies that the organisation may change. */

import type { Timestamp } from '@holdfast/base'
import { STARTING_ROLES } from './starting-roles.ts'

export interface Role {
  readonly organisation: string
  readonly name: string
  /** Cedar, of at most `ROLE_TEXT_CHARACTERS_MAX` characters. */
  readonly text: string
  /** From 1, one more with each change. */
  readonly version: number
  /** Opaque, unquoted. */
  readonly etag: string
  readonly updatedTime: Timestamp
  /** Who wrote this version; `hub` for what an organisation begins with. */
  readonly updatedBy: string
}

/** An earlier text of a role. */
export type RoleVersion = Omit<Role, 'etag'>

/** Whether every organisation has this role: it can be changed and reset, and not be removed. */
export function isStartingRole(name: string): boolean {
  return Object.hasOwn(STARTING_ROLES, name)
}
