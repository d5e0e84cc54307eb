/** A program signs in as a person (`domain/operators`, `Logins`). */

import type { SignInApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { Static } from 'typebox'
import type { PeopleOffice } from '../../people/people-office.ts'
import type { PublicQuestion } from './public-question.ts'

type Body<K extends 'LoginBegin' | 'LoginVouch' | 'LoginFetch'> = PublicQuestion<Static<(typeof SignInApi)[K]>>

/** With the token of a session that it has, a program asks for a proof of presence for that one. */
export function beginLogin(office: PeopleOffice, { body, address, headers }: Body<'LoginBegin'>): SignInApi.LoginBegun {
  const bearer = /^bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const known = bearer === undefined ? undefined : office.sessions.identify(bearer, 'command-line')
  const { id, code, secret, nonce, lifeMs } = office.logins.begin({
    agent: body.agent.replaceAll(/[^\x20-\x7e]/g, '?'),
    address,
    ...(known !== undefined && { session: known.session.id }),
  })
  return { id, code, secret, nonce, page: office.loginPage, seconds: lifeMs / 1_000 }
}

export async function vouchLogin(office: PeopleOffice, { body, address }: Body<'LoginVouch'>): Promise<object> {
  const { id, nonce } = office.logins.ofSecret(body.secret)
  const signed = { text: body.statement, signature: body.signature }
  const workstation = await office.workstations.take(signed, 'login', address, { subject: id, nonce })
  office.logins.vouch(id, workstation.id)
  return { workstation: workstation.name }
}

export async function fetchLogin(office: PeopleOffice, asked: Body<'LoginFetch'>): Promise<SignInApi.LoginFetched> {
  const answer = office.logins.collect(asked.body.secret)
  if (answer.kind !== 'confirmed') return { state: answer.kind }
  const { request, proof, workstationId } = answer
  const operator = office.roll.get('operator', proof.operatorId)?.name ?? 'unknown'
  if (request.session !== undefined) {
    await office.sessions.present(request.session, proof)
    return { state: 'present', operator }
  }
  const { agent, address } = request
  const own = workstationId === undefined ? undefined : office.roll.get('workstation', workstationId)
  const { token, session } = await office.sessions.open(proof, {
    kind: 'command-line',
    agent,
    address,
    // A workstation of somebody else vouches for nothing.
    ...(own !== undefined && own.operatorId === proof.operatorId && { workstationId: own.id }),
  })
  return { state: 'signed-in', operator, token, expires: formatTimestamp(session.expires) }
}
