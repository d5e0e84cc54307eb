/** Acts that wait for the word of another person (`protocol/api/src/proposals.ts`). */

import { createHash } from 'node:crypto'
import { OPERATIONS, type ProposalApi } from '@holdfast/api'
import { faultOfTwoPersonPolicy, type TwoPersonPolicy } from '@holdfast/operators'
import { requirePresence } from '../../people/presence.ts'
import type { TwoPersonRule } from '../../people/two-person-rule.ts'
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { Versioned } from './entity-tag.ts'
import { askerOf, paged, peopleOf } from './people-call.ts'
import { type Call, performOf, type Route, serve } from './route.ts'

/** @param routes all that an approval may do. */
export function proposalRoutes(routes: () => readonly Route[]): readonly Route[] {
  return [
    serve(OPERATIONS.proposal.list, async (call) => {
      const rule = ruleOf(call)
      const all = peopleOf(call).proposals.list(rule.organisationOf(call.actor))
      const { items, ...next } = paged(all, ({ id }) => id, call.query)
      return { items: items.map((proposal) => rule.shown(proposal)), ...next }
    }),
    serve(OPERATIONS.proposal.show, async (call) => {
      const rule = ruleOf(call)
      return rule.shown(peopleOf(call).proposals.named(call.path.proposal, rule.organisationOf(call.actor)))
    }),
    serve(OPERATIONS.proposal.approve, async (call) => {
      const rule = ruleOf(call)
      const { operator } = askerOf(call)
      requirePresence(call.actor, call.services.clock)
      return rule.shown(await rule.approve(call.path.proposal, operator, call.body.digest, performOf(call, routes())))
    }),
    serve(OPERATIONS.proposal.reject, async (call) => {
      const rule = ruleOf(call)
      const { reason = '' } = call.body
      const by = { actor: actorName(call.actor), organisation: rule.organisationOf(call.actor), reason }
      return rule.shown(await peopleOf(call).proposals.reject(call.path.proposal, by))
    }),
    serve(OPERATIONS.proposal.policy, async (call) => policyJson(peopleOf(call).proposals.policy)),
    serve(OPERATIONS.proposal.setPolicy, async (call) => {
      const { proposals } = peopleOf(call)
      requirePresence(call.actor, call.services.clock)
      if (call.ifMatch !== undefined && call.ifMatch !== etagOf(proposals.policy)) {
        throw new Problem({
          status: 412,
          code: 'precondition-failed',
          title: 'the policy was changed in the meantime',
          detail: 'look at it again, then say what is to be changed of it',
        })
      }
      const fault = faultOfTwoPersonPolicy(call.body, (act) => ruleOf(call).isKnown(act))
      if (fault !== undefined) {
        throw new Problem({
          status: 400,
          code: 'invalid',
          title: 'this is no policy of the two-person rule',
          detail: fault,
        })
      }
      await proposals.setPolicy(call.body, actorName(call.actor))
      return policyJson(proposals.policy)
    }),
  ]
}

function ruleOf({ twoPerson }: Call): TwoPersonRule {
  if (twoPerson !== undefined) return twoPerson
  throw new Problem({
    status: 503,
    code: 'no-people',
    title: 'this hub keeps no operators',
    detail: 'ask whoever runs it',
  })
}

function policyJson(policy: TwoPersonPolicy): Versioned<ProposalApi.TwoPersonPolicy> {
  return new Versioned({ ...policy, acts: [...policy.acts] }, etagOf(policy))
}

function etagOf(policy: TwoPersonPolicy): string {
  return createHash('sha256').update(JSON.stringify(policy)).digest('base64url').slice(0, 22)
}
