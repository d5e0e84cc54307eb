/**
 * Certificate policies of a path (RFC 5280 §6.1, with the graph of RFC 9618). Every policy is acceptable to us and none is
 * asked for: what is looked at is whether a CA of the path asks for one and there is one, valid from end to end.
 */

import type { Certificate } from './certificate.ts'
import { TAG, integerOf, objectIdentifierOf } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'

export const ANY_POLICY = '2.5.29.32.0'

export interface PolicyExtensions {
  readonly policies: readonly string[] | undefined
  /** Policies of the subject's domain, by the policy of the issuer's that they stand for. */
  readonly mappings: ReadonlyMap<string, ReadonlySet<string>> | undefined
  /** Certificates that may follow before a policy is asked for. */
  readonly requireExplicit: number | undefined
  readonly inhibitMapping: number | undefined
  readonly inhibitAny: number | undefined
}

export const NO_POLICIES: PolicyExtensions = {
  policies: undefined,
  mappings: undefined,
  requireExplicit: undefined,
  inhibitMapping: undefined,
  inhibitAny: undefined,
}

/** §4.2.1.4. @throws PkiError `bad-certificate`, `bad-der`. */
export function policiesOf(value: DerElement): readonly string[] {
  const policies = listOf(value).map((information) => {
    const [policy] = information.children
    if (information.tag !== TAG.sequence || policy === undefined || information.children.length > 2) throw bad()
    return objectIdentifierOf(policy)
  })
  if (new Set(policies).size !== policies.length) throw bad()
  return policies
}

/** §4.2.1.5. @throws PkiError `bad-certificate`, `bad-der`. */
export function policyMappingsOf(value: DerElement): ReadonlyMap<string, ReadonlySet<string>> {
  const mappings = new Map<string, Set<string>>()
  for (const pair of listOf(value)) {
    const [issuer, subject, ...more] = pair.children
    if (pair.tag !== TAG.sequence || issuer === undefined || subject === undefined || more.length > 0) throw bad()
    const [from, to] = [objectIdentifierOf(issuer), objectIdentifierOf(subject)]
    // §6.1.4(a).
    if (from === ANY_POLICY || to === ANY_POLICY) throw bad()
    mappings.set(from, (mappings.get(from) ?? new Set()).add(to))
  }
  return mappings
}

/** §4.2.1.11. @throws PkiError `bad-certificate`, `bad-der`. */
export function policyConstraintsOf(value: DerElement): Pick<PolicyExtensions, 'requireExplicit' | 'inhibitMapping'> {
  let requireExplicit: number | undefined
  let inhibitMapping: number | undefined
  for (const field of listOf(value)) {
    if (field.tag === 0x80 && requireExplicit === undefined && inhibitMapping === undefined)
      requireExplicit = countOf(field)
    else if (field.tag === 0x81 && inhibitMapping === undefined) inhibitMapping = countOf(field)
    else throw bad()
  }
  return { requireExplicit, inhibitMapping }
}

/** §4.2.1.14. @throws PkiError `bad-der`. */
export function inhibitAnyOf(value: DerElement): number {
  return integerOf(value)
}

/**
 * Whether the path keeps to what its CAs ask of policies.
 * @param path leaf first, anchor last. Of the anchor, only what it asks of those below it counts.
 */
export function hasValidPolicies(path: readonly Certificate[]): boolean {
  const below = path.slice(0, -1).toReversed()
  const anchor = path.at(-1)
  const never = path.length + 1
  const state: State = {
    explicit: never,
    mapping: never,
    any: never,
    level: new Map([[ANY_POLICY, new Set([ANY_POLICY])]]),
  }
  if (anchor !== undefined) constrain(state, anchor.extensions.policy)
  for (const [index, certificate] of below.entries()) {
    const isLeaf = index === below.length - 1
    const { policy } = certificate.extensions
    state.level = nextLevel(state, policy, certificate.isSelfIssued && !isLeaf)
    // §6.1.3(f).
    if (state.explicit === 0 && state.level === undefined) return false
    if (isLeaf) {
      // §6.1.5(a), (b).
      const isExplicit = state.explicit <= 1 || policy.requireExplicit === 0
      return !isExplicit || state.level !== undefined
    }
    map(state, policy)
    if (!certificate.isSelfIssued) count(state)
    constrain(state, policy)
  }
  return true
}

/**
 * Of the graph only the level of the last certificate is kept, each valid policy with what is expected to stand for it
 * next: with every policy acceptable it does not matter by which way a node is reached.
 */
interface State {
  explicit: number
  mapping: number
  any: number
  level: Map<string, ReadonlySet<string>> | undefined
}

/** §6.1.3(d), (e), as RFC 9618 §5.2 has them. */
function nextLevel(state: State, policy: PolicyExtensions, isSelfIssuedAuthority: boolean): State['level'] {
  const { level } = state
  if (level === undefined || policy.policies === undefined) return undefined
  const expected = new Set([...level.values()].flatMap((values) => [...values]))
  const next = new Map<string, ReadonlySet<string>>()
  for (const one of policy.policies) {
    if (one !== ANY_POLICY && (expected.has(one) || level.has(ANY_POLICY))) next.set(one, new Set([one]))
  }
  if (policy.policies.includes(ANY_POLICY) && (state.any > 0 || isSelfIssuedAuthority)) {
    for (const one of expected) if (!next.has(one)) next.set(one, new Set([one]))
  }
  return next.size === 0 ? undefined : next
}

/** §6.1.4(b). */
function map(state: State, { mappings }: PolicyExtensions): void {
  const { level } = state
  if (level === undefined || mappings === undefined) return
  for (const [from, to] of mappings) {
    if (state.mapping === 0) level.delete(from)
    else if (level.has(from) || level.has(ANY_POLICY)) level.set(from, to)
  }
  if (level.size === 0) state.level = undefined
}

/** §6.1.4(h). */
function count(state: State): void {
  state.explicit = Math.max(0, state.explicit - 1)
  state.mapping = Math.max(0, state.mapping - 1)
  state.any = Math.max(0, state.any - 1)
}

/** §6.1.4(i), (j). */
function constrain(state: State, { requireExplicit, inhibitMapping, inhibitAny }: PolicyExtensions): void {
  state.explicit = Math.min(state.explicit, requireExplicit ?? state.explicit)
  state.mapping = Math.min(state.mapping, inhibitMapping ?? state.mapping)
  state.any = Math.min(state.any, inhibitAny ?? state.any)
}

function listOf(value: DerElement): readonly DerElement[] {
  if (value.tag !== TAG.sequence || value.children.length === 0) throw bad()
  return value.children
}

/** `[n] IMPLICIT INTEGER`, up to 2^31. */
function countOf({ content }: DerElement): number {
  if (content.length === 0 || content.length > 4 || (content[0] ?? 0) >= 0x80) throw bad()
  return content.reduce((value, byte) => value * 256 + byte, 0)
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'certificate policies have no right form')
}
