/**
 * May somebody do something to something? First the rule that no policy can change: everybody reaches what belongs to
 * their own organisation, and nothing else. Then the policies of that organisation, of which none allowing means no.
 */

import { LruMap } from '@holdfast/base'
import type { Grant } from './grant.ts'
import { DECISIONS_CACHED_MAX } from './limits.ts'
import { formatNode, type Resource } from './node.ts'
import type { PolicyAnswer, PolicyEngine } from './policy-engine.ts'
import type { Assignment, Subject } from './subject.ts'
import { covers, type Tree } from './tree.ts'

export type Denial =
  /** It belongs to another organisation. Whoever asked is told that there is no such thing. */
  | 'other-organisation'
  /** Where they come from, they may read and nothing else. */
  | 'read-only'
  /** No role that they have there allows it. */
  | 'not-granted'
  /** A policy forbids it. */
  | 'forbidden'
  /** The policies could not be evaluated. */
  | 'fault'

export type Decision =
  | { readonly kind: 'allowed'; readonly reasons: readonly string[] }
  | {
      readonly kind: 'denied'
      readonly why: Denial
      readonly reasons: readonly string[]
      readonly errors: readonly string[]
    }

export interface DecisionParts {
  readonly tree: Tree
  readonly engine: PolicyEngine
  /** Of a principal, in every organisation. */
  readonly assignmentsOf: (principal: string) => readonly Assignment[]
}

export class Decisions {
  readonly #parts: DecisionParts
  readonly #cache = new LruMap<string, Decision>(DECISIONS_CACHED_MAX)

  constructor(parts: DecisionParts) {
    this.#parts = parts
  }

  /** To be called after every change of the tree, of roles and of assignments. */
  forget(): void {
    this.#cache.clear()
  }

  decide(subject: Subject, action: string, resource: Resource): Decision {
    const { tree } = this.#parts
    if (tree.ownerOf(resource) !== subject.organisation) return denied('other-organisation')
    if (subject.posture === 'read-only' && !action.endsWith(':read')) return denied('read-only')
    const roles = this.rolesAt(subject, resource)
    const isScoped = subject.scope?.some((grant) => this.#names(grant, action, resource)) ?? false
    const key = this.#keyOf(subject, action, resource, roles, isScoped)
    const known = this.#cache.get(key)
    if (known !== undefined) return known
    const decision = this.#evaluate(subject, action, resource, roles, isScoped)
    this.#cache.set(key, decision)
    return decision
  }

  /** Names of the roles that somebody has at a resource or above it, in order. */
  rolesAt(subject: Subject, resource: Resource): readonly string[] {
    const { tree, assignmentsOf } = this.#parts
    const roles = new Set<string>()
    for (const { role, node, organisation } of assignmentsOf(subject.name)) {
      if (organisation === subject.organisation && covers(node, resource, tree.first)) roles.add(role)
    }
    for (const grant of subject.scope ?? []) {
      if (grant.kind === 'role' && covers(grant.node, resource, tree.first)) roles.add(grant.role)
    }
    return [...roles].toSorted()
  }

  /** What the policies alone say, were these the roles: for explanations. */
  ask(
    subject: Subject,
    action: string,
    resource: Resource,
    given: { readonly roles: readonly string[]; readonly isScoped: boolean },
  ): PolicyAnswer {
    return this.#parts.engine.decide(subject.organisation, {
      principal: { kind: subject.kind, id: subject.name.slice(subject.name.indexOf('/') + 1) },
      roles: given.roles,
      action,
      resource,
      hubOwner: this.#parts.tree.first,
      circumstances: { isPresent: subject.isPresent, isScoped: given.isScoped },
    })
  }

  /** Of all that a decision can depend on, and no more. A separator that no name contains keeps keys apart. */
  #keyOf(
    { kind, name, organisation, isPresent }: Subject,
    action: string,
    resource: Resource,
    roles: readonly string[],
    isScoped: boolean,
  ): string {
    const always = [organisation, kind, isPresent, isScoped, roles.join(' '), action]
    const isBlind = this.#parts.engine.isBlind(organisation)
    const rest = isBlind ? [] : [name, resource.kind === 'hub' ? 'hub' : textOf(resource)]
    return [...always, ...rest].join('\n')
  }

  #evaluate(
    subject: Subject,
    action: string,
    resource: Resource,
    roles: readonly string[],
    isScoped: boolean,
  ): Decision {
    const answer = this.ask(subject, action, resource, { roles, isScoped })
    if (answer.errors.length > 0) return denied('fault', answer.reasons, answer.errors)
    if (answer.isAllowed) return { kind: 'allowed', reasons: answer.reasons }
    return denied(answer.reasons.length > 0 ? 'forbidden' : 'not-granted', answer.reasons)
  }

  #names(grant: Grant, action: string, resource: Resource): boolean {
    return (
      grant.kind === 'actions' && grant.actions.includes(action) && covers(grant.node, resource, this.#parts.tree.first)
    )
  }
}

function textOf(resource: Exclude<Resource, { readonly kind: 'hub' }>): string {
  if (resource.kind !== 'device') return formatNode(resource)
  const { deviceId, organisation, site, fleet } = resource
  return `${formatNode({ kind: 'fleet', organisation, site, fleet })}/${deviceId}`
}

function denied(why: Denial, reasons: readonly string[] = [], errors: readonly string[] = []): Decision {
  return { kind: 'denied', why, reasons, errors }
}
