/** Sessions of people: one's own, and those of all for whoever manages them. */

import { PeopleApi } from '@holdfast/api'
import type { SecurityEvent } from '@holdfast/audit'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import {
  CODE_LIFE_MS,
  NO_SESSION_COOKIE,
  OperatorError,
  PRESENCE_LIFE_MS,
  type SessionRecord,
} from '@holdfast/operators'
import type { PeopleOffice } from '../../people/people-office.ts'
import { allowsOf, passkeyJson, sessionJson, workstationJson } from '../../people/people-json.ts'
import { requirePerson, requirePresence } from '../../people/presence.ts'
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { askerOf, paged, peopleOf } from './people-call.ts'
import { type Call, type Route, serve } from './route.ts'

const { sessionOperations: own } = PeopleApi

/** Acts of one session that are shown. */
const ACTS_MAX = 200
/** Events of the person among which they are looked for, and of those, how many in one step. */
const LOOKED_AT_MAX = 10_000
const LOOKED_AT_ONCE = 500

export const SESSION_ROUTES: readonly Route[] = [
  serve(own.show, async (call) => ownJson(peopleOf(call), askerOf(call).session)),
  serve(own.end, async (call) => {
    const { session } = askerOf(call)
    await endOne(peopleOf(call), session.id, 'signed-out', actorName(call.actor))
    return new Response(null, { status: 204, headers: { 'set-cookie': NO_SESSION_COOKIE } })
  }),
  serve(own.beginStepUp, async (call) => {
    const { operator, session } = askerOf(call)
    const { passkeys } = peopleOf(call)
    const offer = passkeys.offer({ kind: 'step-up', session: session.id }, addressOf(call), operator.id)
    return { ...offer, allow: mutable(offer.allow) }
  }),
  serve(own.finishStepUp, async (call) => {
    const { operator, session } = askerOf(call)
    const office = peopleOf(call)
    const ceremony = office.ceremonies.take(call.path.ceremony, 'step-up', call.services.clock.monotonic())
    demandSame(ceremony.purpose.session, session)
    const proof = await office.passkeys.prove(ceremony, call.body.answer, addressOf(call), operator.id)
    return ownJson(office, await office.sessions.present(session.id, proof))
  }),
  serve(own.passkeys, async (call) => ({
    items: peopleOf(call).roll.passkeysOf(askerOf(call).operator.id).map(passkeyJson),
  })),
  serve(own.beginPasskey, async (call) => {
    const { operator, session } = askerOf(call)
    demandFull(call)
    requirePresence(call.actor, call.services.clock)
    const offer = peopleOf(call).enrolment.beginOwn(session.id, operator, addressOf(call))
    const { relyingParty, user, exclude, ...rest } = offer
    return { ...rest, relyingParty: { ...relyingParty }, user: { ...user }, exclude: mutable(exclude) }
  }),
  serve(own.finishPasskey, async (call) => {
    const { operator, session } = askerOf(call)
    demandFull(call)
    requirePresence(call.actor, call.services.clock)
    const given = { ceremony: call.path.ceremony, answer: call.body.answer, name: call.body.name }
    return passkeyJson(await peopleOf(call).enrolment.finishOwn(session.id, operator, given))
  }),
  serve(own.renamePasskey, async (call) => {
    const { operator } = askerOf(call)
    demandFull(call)
    const { passkeys } = peopleOf(call)
    return passkeyJson(await passkeys.rename(operator.id, call.path.passkey, call.body.name, actorName(call.actor)))
  }),
  serve(own.removePasskey, async (call) => {
    const { operator } = askerOf(call)
    demandFull(call)
    requirePresence(call.actor, call.services.clock)
    await peopleOf(call).passkeys.remove(operator.id, call.path.passkey, actorName(call.actor))
    return undefined
  }),
  serve(own.findLogin, async (call) => {
    const office = peopleOf(call)
    const { operator, session } = askerOf(call)
    const login = office.logins.find(call.body.code, session.id)
    demandOwn(office, login.session, operator.id)
    const { id, address, agent, workstationId } = login
    const workstation = workstationId === undefined ? undefined : office.roll.get('workstation', workstationId)?.name
    const isStepUp = login.session !== undefined
    return { id, address, agent, isStepUp, ...(workstation !== undefined && { workstation }) }
  }),
  serve(own.beginLogin, async (call) => {
    const office = peopleOf(call)
    const { operator, session } = askerOf(call)
    const { id: login, session: target } = office.logins.read(call.path.login)
    demandOwn(office, target, operator.id)
    const offer = office.passkeys.offer({ kind: 'confirm', session: session.id, login }, addressOf(call), operator.id)
    return { ...offer, allow: mutable(offer.allow) }
  }),
  serve(own.confirmLogin, async (call) => {
    const office = peopleOf(call)
    const { operator, session } = askerOf(call)
    const ceremony = office.ceremonies.take(call.path.ceremony, 'confirm', call.services.clock.monotonic())
    demandSame(ceremony.purpose.session, session)
    if (ceremony.purpose.login !== call.path.login)
      throw new OperatorError('ceremony-over', 'this was for another login')
    const proof = await office.passkeys.prove(ceremony, call.body.answer, addressOf(call), operator.id)
    office.logins.confirm(call.path.login, operator, proof)
    return undefined
  }),
  serve(own.denyLogin, async (call) => {
    peopleOf(call).logins.deny(call.path.login, askerOf(call).operator)
    return undefined
  }),
  serve(own.vouchCode, async (call) => {
    const { session } = askerOf(call)
    const { vouching, random, clock } = peopleOf(call)
    const nonce = Buffer.from(random(32)).toString('base64url')
    const code = vouching.issue({ session: session.id, nonce }, `session/${session.id}`, clock.monotonic())
    return { code, seconds: CODE_LIFE_MS / 1_000 }
  }),
  serve(own.enrolWorkstation, async (call) => {
    const { operator } = askerOf(call)
    requirePresence(call.actor, call.services.clock)
    const office = peopleOf(call)
    const { name, publicKey } = call.body
    return workstationJson(office, await office.workstations.enrol(operator, name, publicKey, actorName(call.actor)))
  }),

  serve(own.list, async (call) => {
    const office = peopleOf(call)
    const { operator, ...page } = call.query
    const wanted = operator === undefined ? undefined : office.people.named(operator).id
    const all = office.sessions.list().filter((one) => wanted === undefined || one.operatorId === wanted)
    const { items, ...next } = paged(all, ({ id }) => id, page)
    return { items: items.map((session) => sessionJson(office, session)), ...next }
  }),
  serve(own.acts, async (call) => {
    const office = peopleOf(call)
    const session = office.roll.get('session', call.path.session)
    if (session === undefined) throw new OperatorError('missing', 'there is no such session')
    const actor = `operator/${office.roll.get('operator', session.operatorId)?.name ?? 'unknown'}`
    const acts = await actsOf(call, session, actor)
    return { items: acts.map(({ type, at, subject }) => ({ type, time: formatTimestamp(at), subject })) }
  }),
  serve(own.revoke, async (call) => {
    // Before the names of all: who asks is told nothing of a session that is not there.
    await endOne(peopleOf(call), call.path.session, 'revoked', actorName(call.actor))
    return undefined
  }),
  serve(own.revokeAll, async (call) => {
    const office = peopleOf(call)
    const { operator } = call.body
    const wanted = operator === undefined ? undefined : office.people.named(operator).id
    const by = actorName(call.actor)
    const ended = await office.sessions.end((one) => wanted === undefined || one.operatorId === wanted, 'revoked', by)
    return { sessions: ended.length }
  }),
]

type Act = Pick<SecurityEvent, 'actor' | 'at' | 'source' | 'subject'> & { readonly type: string }

/** Newest first, at most `ACTS_MAX`: from the audit log, or from memory where there is none on disk. */
async function actsOf(
  { services: { audit, events } }: Call,
  session: SessionRecord,
  actor: string,
): Promise<readonly Act[]> {
  if (audit === undefined) {
    const recent = await events.recent(LOOKED_AT_MAX)
    return recent
      .filter((event) => isActOf(event, session, actor))
      .slice(-ACTS_MAX)
      .reverse()
  }
  const { createdTime: from, ended } = session
  const acts: Act[] = []
  let after: number | undefined
  for (let seen = 0; seen < LOOKED_AT_MAX && acts.length < ACTS_MAX; seen += LOOKED_AT_ONCE) {
    const page = await audit.list({
      actor,
      from,
      order: 'newest',
      limit: LOOKED_AT_ONCE,
      ...(ended === undefined ? {} : { to: timestampOf(ended.time + 1) }),
      ...(after === undefined ? {} : { after }),
    })
    for (const { type, time, content } of page.entries) {
      const act = content.kind === 'body' ? { ...content, type, at: time } : undefined
      if (act !== undefined && isActOf(act, session, actor)) acts.push(act)
    }
    if (page.next === undefined) break
    after = page.next
  }
  return acts.slice(0, ACTS_MAX)
}

/** Where an event bears its session, it says; where it does not, it is the person's, and of the session's time. */
function isActOf({ actor, at, source }: Act, session: SessionRecord, person: string): boolean {
  const named = source === undefined ? undefined : /\bsession\/(\S+)$/.exec(source)?.[1]
  if (named !== undefined) return named === session.id
  return actor === person && at >= session.createdTime && (session.ended === undefined || at <= session.ended.time)
}

async function endOne(office: PeopleOffice, id: string, reason: 'signed-out' | 'revoked', by: string): Promise<void> {
  const ended = await office.sessions.end((session) => session.id === id, reason, by)
  if (ended.length === 0) throw new OperatorError('missing', 'there is no such session, or it is over already')
}

function ownJson(office: PeopleOffice, session: SessionRecord): PeopleApi.OwnSession {
  const operator = office.roll.get('operator', session.operatorId)
  const standing = office.workstations.standingOf(session)
  const { idleMs } = office.sessions.limits
  return {
    operator: operator?.name ?? 'unknown',
    organisation: operator?.organisation ?? 'unknown',
    session: session.id,
    presenceTime: formatTimestamp(session.presenceTime),
    presentUntil: formatTimestamp(timestampOf(session.presenceTime + PRESENCE_LIFE_MS)),
    expires: formatTimestamp(session.expires),
    idleSeconds: Math.round(idleMs / 1_000),
    allows: allowsOf(office, session),
    ...(standing.kind === 'red' && { because: [REASONS[standing.reason], ...standing.lacking].join(' ') }),
  }
}

const REASONS = {
  'no-workstation': 'no enrolled workstation vouches for this session',
  'not-approved': 'the workstation waits for the approval of another operator',
  'no-report': 'the workstation has not reported yet',
  'stale-report': 'the last report of the workstation is too old',
  posture: 'the workstation lacks:',
} as const

/** What gives new ways in is not done from a workstation that may only read. */
function demandFull(call: Call): void {
  if (requirePerson(call.actor).posture === 'full') return
  throw new Problem({
    status: 403,
    code: 'workstation-refused',
    title: 'passkeys are changed only from a workstation that the policy finds safe',
    detail:
      'run holdfast workstation report, and holdfast workstation vouch with the code that your session page shows',
  })
}

function demandSame(id: string, session: SessionRecord): void {
  if (id !== session.id) throw new OperatorError('ceremony-over', 'this was begun by another session')
}

/** A proof of presence is asked of the person whose session it is, and of nobody else. */
function demandOwn(office: PeopleOffice, target: string | undefined, operatorId: string): void {
  if (target === undefined || office.sessions.find(target)?.operatorId === operatorId) return
  throw new OperatorError('code-unknown', 'there is no such code, or its ten minutes are over')
}

function addressOf({ context }: Call): string {
  return context.env.peer.address
}

function mutable(
  keys: readonly { readonly id: string; readonly transports: readonly string[] }[],
): { id: string; transports: string[] }[] {
  return keys.map(({ id, transports }) => ({ id, transports: [...transports] }))
}
