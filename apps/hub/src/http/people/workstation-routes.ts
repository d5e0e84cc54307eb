/** What workstations say, proved by their signatures alone. */

import type { SignInApi } from '@holdfast/api'
import { OperatorError, type Workstation } from '@holdfast/operators'
import type { Static } from 'typebox'
import type { PeopleOffice } from '../../people/people-office.ts'
import type { PublicQuestion } from './public-question.ts'

type Body<K extends 'PostureReported' | 'VouchBegin' | 'VouchFinish'> = PublicQuestion<Static<(typeof SignInApi)[K]>>

export async function report(
  office: PeopleOffice,
  { body, address }: Body<'PostureReported'>,
): Promise<SignInApi.PostureVerdict> {
  const signed = { text: body.statement, signature: body.signature }
  return verdictOf(office, await office.workstations.take(signed, 'report', address))
}

export function beginVouch(office: PeopleOffice, { body, address }: Body<'VouchBegin'>): SignInApi.VouchBegun {
  const { session, nonce } = office.vouching.find(body.code, `address/${address}`, office.clock.monotonic())
  return { session, nonce }
}

export async function finishVouch(
  office: PeopleOffice,
  { body, address }: Body<'VouchFinish'>,
): Promise<SignInApi.PostureVerdict> {
  const request = office.vouching.find(body.code, `address/${address}`, office.clock.monotonic())
  const signed = { text: body.statement, signature: body.signature }
  const subject = { subject: request.session, nonce: request.nonce }
  const workstation = await office.workstations.take(signed, 'vouch', address, subject)
  const session = office.sessions.find(request.session)
  if (session === undefined || session.operatorId !== workstation.operatorId) {
    throw new OperatorError('workstation-refused', 'this workstation belongs to somebody else than the session')
  }
  office.vouching.remove((one) => one === request)
  await office.sessions.bind(session.id, workstation.id, (bound) => office.workstations.vouched(workstation, bound))
  return verdictOf(office, workstation)
}

function verdictOf(office: PeopleOffice, workstation: Workstation): SignInApi.PostureVerdict {
  const lacking = office.workstations.lackingOf(workstation) ?? []
  return {
    workstation: workstation.name,
    approved: workstation.approved !== undefined,
    green: lacking.length === 0,
    lacking: [...lacking],
    minutes: office.workstations.policy.reportMinutesMax,
  }
}
