/** Who a decision is for, and what they were given. */

import type { Timestamp } from '@holdfast/base'
import type { Grant } from './grant.ts'
import type { Node } from './node.ts'

export interface Subject {
  readonly kind: 'person' | 'token'
  /** As events name them: `operator/<id>`, `token/<id>`. */
  readonly name: string
  readonly organisation: string
  /** A machine may do what its token names, beside what it is assigned. */
  readonly scope?: readonly Grant[]
  /** `read-only`: nothing but to read, whatever the roles allow. */
  readonly posture: 'full' | 'read-only'
  /** Whether a person proved to be there in the last minutes. */
  readonly isPresent: boolean
}

/** A role that somebody has at a node, and for all that is below it. */
export interface Assignment {
  /** `operator/<id>` or `token/<id>`. */
  readonly principal: string
  readonly role: string
  readonly node: Node
  /** Whose assignment it is: it holds in this organisation and nowhere else. */
  readonly organisation: string
  readonly createdTime: Timestamp
  readonly createdBy: string
}
