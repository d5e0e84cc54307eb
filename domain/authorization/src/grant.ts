/** What somebody was given: a role, or a few actions, at a node and for all that is below it. */

import type { Node } from './node.ts'

export type Grant =
  | { readonly kind: 'role'; readonly role: string; readonly node: Node }
  | { readonly kind: 'actions'; readonly actions: readonly string[]; readonly node: Node }
