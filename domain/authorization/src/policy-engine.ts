/**
 * What evaluates policies. A set is all that holds in one organisation: the texts of its roles by name, and the one text
 * for everybody. Decisions know nothing of other sets.
 */

import type { PolicyFault } from './errors.ts'
import type { Resource } from './node.ts'

/** The text that holds for everybody and can only forbid. No role is called so. */
export const EVERYBODY = 'everybody'

/** What a policy can see of the circumstances, besides who, what and to which. */
export interface Circumstances {
  /** Whether a person proved to be there with a passkey in the last minutes. False for machines. */
  readonly isPresent: boolean
  /** Whether the action is one that a token names. False for people. */
  readonly isScoped: boolean
}

export interface PolicyQuestion {
  readonly principal: { readonly kind: 'person' | 'token'; readonly id: string }
  /** Names of the roles that the principal has at the resource or above it. */
  readonly roles: readonly string[]
  readonly action: string
  readonly resource: Resource
  /** Which organisation the hub itself belongs to. */
  readonly hubOwner: string
  readonly circumstances: Circumstances
}

export interface PolicyAnswer {
  readonly isAllowed: boolean
  /** Ids of the policies that decided: those that permit, or those that forbid; empty where none permits. */
  readonly reasons: readonly string[]
  /** What could not be evaluated, in words. Where there is something, `isAllowed` MUST be false. */
  readonly errors: readonly string[]
}

export interface PolicyCheck {
  readonly faults: readonly PolicyFault[]
  /** What is not wrong, and can hardly be meant: a policy that never applies. */
  readonly warnings: readonly PolicyFault[]
  /** Ids of the policies, `role/1` and so on, in the order of the text. */
  readonly policies: readonly { readonly id: string; readonly text: string }[]
}

export interface PolicyEngine {
  /**
   * Reads a text as that of a role (or of `EVERYBODY`). MUST find fault with whatever grants to somebody else than who
   * has the role, with a text for everybody that permits, with unknown actions, kinds and attributes, and with every
   * text that it could not evaluate later. MUST NOT throw for any text.
   */
  check(role: string, text: string): PolicyCheck
  /**
   * Makes these texts, each of which passed `check`, the set of the organisation, in place of what it was.
   * @throws TypeError when one cannot be read: a bug, or a damaged store.
   */
  prepare(organisation: string, texts: ReadonlyMap<string, string>): void
  /**
   * Whether no policy of the set speaks of who asks, but for their kind and roles, nor of what it is asked for: then
   * the same roles decide alike for everybody and everywhere. False where that is not known.
   */
  isBlind(organisation: string): boolean
  /** Decides by the organisation's set; where there is none, or it cannot be evaluated, that is no. MUST NOT throw. */
  decide(organisation: string, question: PolicyQuestion): PolicyAnswer
}
