/** Why somebody may do something, or what is missing. */

import type { Access } from './access.ts'
import type { Decision } from './decisions.ts'
import type { Resource } from './node.ts'
import { EVERYBODY } from './policy-engine.ts'
import type { Subject } from './subject.ts'

export interface ExplainedPolicy {
  /** `operator/1`: the first policy in the text of the role. */
  readonly id: string
  /** As it stands there; absent when it has changed since. */
  readonly text?: string
}

export interface Explanation {
  readonly decision: Decision
  /** Roles that the subject has there. */
  readonly roles: readonly string[]
  /** The policies that decided. */
  readonly policies: readonly ExplainedPolicy[]
  /** Where nothing grants it: roles of the organisation of which each would, by itself. */
  readonly rolesThatWould: readonly string[]
}

export function explain(access: Access, subject: Subject, action: string, resource: Resource): Explanation {
  const decision = access.decisions.decide(subject, action, resource)
  const isElsewhere = decision.kind === 'denied' && decision.why === 'other-organisation'
  const roles = isElsewhere ? [] : access.decisions.rolesAt(subject, resource)
  return {
    decision,
    roles,
    policies: decision.reasons.map((id) => policyOf(access, subject.organisation, id)),
    rolesThatWould:
      decision.kind === 'denied' && decision.why === 'not-granted'
        ? rolesThatWould(access, subject, action, resource, roles)
        : [],
  }
}

function rolesThatWould(
  access: Access,
  subject: Subject,
  action: string,
  resource: Resource,
  has: readonly string[],
): readonly string[] {
  return access.roles(subject.organisation).flatMap(({ name }) => {
    if (name === EVERYBODY || has.includes(name)) return []
    const answer = access.decisions.ask(subject, action, resource, { roles: [...has, name], isScoped: false })
    return answer.isAllowed ? [name] : []
  })
}

function policyOf(access: Access, organisation: string, id: string): ExplainedPolicy {
  const role = access.role(organisation, id.slice(0, id.lastIndexOf('/')))
  const text = role && access.check(role.name, role.text).policies.find((one) => one.id === id)?.text
  return text === undefined ? { id } : { id, text }
}
