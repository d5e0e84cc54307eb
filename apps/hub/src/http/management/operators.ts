/** Operators, their recoveries and workstations, for whoever manages them. */

import { PeopleApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { demandInvitation } from './invitation.ts'
import { linkJson, operatorJson, passkeyJson, recoveryJson, workstationJson } from '../../people/people-json.ts'
import { requirePeople, requirePerson, requirePresence } from '../../people/presence.ts'
import { Problem } from '../../core/problem.ts'
import { type Actor, actorName } from '../../people/actor.ts'
import { askerOf, paged, peopleOf } from './people-call.ts'
import { type Call, type Route, serve } from './route.ts'

const { operatorOperations, recoveryOperations, workstationOperations } = PeopleApi

/** What an operator may do who was invited without a role: come in, and nothing. */
const NO_ROLES: readonly string[] = []

export const OPERATOR_ROUTES: readonly Route[] = [
  serve(operatorOperations.list, async (call) => {
    const office = peopleOf(call)
    const { items, ...next } = paged(office.people.list(), ({ name }) => name, call.query)
    return { items: items.map((operator) => operatorJson(office, operator)), ...next }
  }),
  serve(operatorOperations.show, async (call) =>
    operatorJson(peopleOf(call), peopleOf(call).people.named(call.path.name)),
  ),
  serve(operatorOperations.firstLink, async (call) => {
    const office = peopleOf(call)
    demandMachine(call.actor)
    if (!office.people.isEmpty) {
      throw new Problem({
        status: 409,
        code: 'exists',
        title: 'there are operators who can sign in',
        detail: 'one of them invites others: holdfast operator invite NAME --role ROLE',
      })
    }
    return linkJson(office, await office.makeFirstLink(actorName(call.actor)))
  }),
  serve(operatorOperations.invite, async (call) => {
    const office = peopleOf(call)
    requirePeople(call.actor, call.services.clock, office.people.isBootstrap)
    const { name, roles = NO_ROLES } = call.body
    const own = call.actor.kind === 'person' ? call.actor.organisation : office.home
    const { organisation = own } = call.body
    await demandInvitation(call, { organisation, roles })
    return linkJson(office, await office.invite(name, { roles }, organisation, actorName(call.actor)))
  }),
  serve(operatorOperations.change, async (call) => {
    const office = peopleOf(call)
    // Who came in by one word alone waits for another's; where nobody can give it, the machine of the hub does.
    const isForMachine = office.people.isBootstrap || (call.body.state === 'active' && office.people.isShort)
    requirePeople(call.actor, call.services.clock, isForMachine)
    return operatorJson(office, await office.people.change(call.path.name, call.body, actorName(call.actor)))
  }),
  serve(operatorOperations.remove, async (call) => {
    const office = peopleOf(call)
    requirePeople(call.actor, call.services.clock, office.people.isBootstrap)
    await office.people.remove(call.path.name, actorName(call.actor))
    return undefined
  }),
  serve(operatorOperations.passkeys, async (call) => {
    const { roll, people } = peopleOf(call)
    return { items: roll.passkeysOf(people.named(call.path.name).id).map(passkeyJson) }
  }),
  serve(operatorOperations.removePasskey, async (call) => {
    const { people, passkeys } = peopleOf(call)
    requirePeople(call.actor, call.services.clock, people.isBootstrap)
    await passkeys.remove(people.named(call.path.name).id, call.path.passkey, actorName(call.actor))
    return undefined
  }),
  serve(operatorOperations.passkeyPolicy, async (call) => policyJson(peopleOf(call).people.passkeyPolicy)),
  serve(operatorOperations.setPasskeyPolicy, async (call) => {
    const { people } = peopleOf(call)
    requirePeople(call.actor, call.services.clock, people.isBootstrap)
    return policyJson(await people.setPasskeyPolicy(call.body, actorName(call.actor)))
  }),

  serve(recoveryOperations.list, async (call) => {
    const office = peopleOf(call)
    return { items: office.recoveries.list().map((recovery) => recoveryJson(office, recovery)) }
  }),
  serve(recoveryOperations.ask, async (call) => {
    const office = peopleOf(call)
    requirePerson(call.actor)
    const { operator, reason } = call.body
    return recoveryJson(office, await office.recoveries.ask(operator, reason, actorName(call.actor)))
  }),
  serve(recoveryOperations.approve, async (call) => {
    const office = peopleOf(call)
    const { operator } = askerOf(call)
    requirePresence(call.actor, call.services.clock)
    const approval = await office.recoveries.approve(call.path.recovery, operator)
    if (approval.kind === 'code') return { approvals: 1, code: approval.code }
    return { approvals: 2, link: office.linkOf(approval.secret), expires: formatTimestamp(approval.expires) }
  }),
  serve(recoveryOperations.withdraw, async (call) => {
    const { recoveries } = peopleOf(call)
    requirePerson(call.actor)
    await recoveries.withdraw(call.path.recovery, actorName(call.actor))
    return undefined
  }),
  serve(recoveryOperations.byMachine, async (call) => {
    const office = peopleOf(call)
    demandMachine(call.actor)
    return linkJson(office, await office.recoveries.byMachine(call.body.operator, actorName(call.actor)))
  }),

  serve(workstationOperations.list, async (call) => {
    const office = peopleOf(call)
    const { items, ...next } = paged(office.workstations.list(), ({ id }) => id, call.query)
    return { items: items.map((workstation) => workstationJson(office, workstation)), ...next }
  }),
  serve(workstationOperations.approve, async (call) => {
    const office = peopleOf(call)
    requirePeople(call.actor, call.services.clock, office.people.isBootstrap)
    const approver = call.actor.kind === 'local' ? undefined : askerOf(call).operator
    return workstationJson(
      office,
      await office.workstations.approve(call.path.workstation, approver, actorName(call.actor)),
    )
  }),
  serve(workstationOperations.remove, async (call) => {
    const office = peopleOf(call)
    if (call.actor.kind !== 'local') requirePerson(call.actor)
    await office.workstations.remove(call.path.workstation, actorName(call.actor))
    return undefined
  }),
  serve(workstationOperations.policy, async (call) => workstationPolicyJson(call)),
  serve(workstationOperations.setPolicy, async (call) => {
    const { workstations } = peopleOf(call)
    // The machine of the hub may always: a policy that nobody's workstation satisfies would lock everybody out.
    requirePresence(call.actor, call.services.clock)
    await workstations.setPolicy(call.body, actorName(call.actor))
    return workstationPolicyJson(call)
  }),
]

function workstationPolicyJson(call: Call): PeopleApi.WorkstationPolicy {
  const { required, ...rest } = peopleOf(call).workstations.policy
  return { ...rest, required: [...required] }
}

function policyJson({
  backupEligible,
  aaguids,
  attestationRoots,
}: {
  readonly backupEligible: 'allowed' | 'refused'
  readonly aaguids: readonly string[]
  readonly attestationRoots: readonly string[]
}): PeopleApi.PasskeyPolicy {
  return { backupEligible, aaguids: [...aaguids], attestationRoots: [...attestationRoots] }
}

function demandMachine(actor: Actor): void {
  if (actor.kind === 'local') return
  throw new Problem({
    status: 403,
    code: 'machine-required',
    title: 'this is done on the machine of the hub alone',
    detail: 'run the command there, as the user of the hub, without --url',
  })
}
