/** Records of people as the API shows them. */

import type { PeopleApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { MadeLink, Operator, Passkey, Recovery, SessionRecord, Workstation } from '@holdfast/operators'
import type { PeopleOffice } from './people-office.ts'

export function operatorJson(office: PeopleOffice, operator: Operator): PeopleApi.Operator {
  const { name, organisation, state, createdTime, invitedBy, id } = operator
  return {
    name,
    organisation,
    state,
    createdTime: formatTimestamp(createdTime),
    invitedBy,
    passkeys: office.roll.passkeysOf(id).length,
    sessions: office.sessions.liveOf(id).length,
    ...(operator.awaitsWord === true && { awaitsWord: true }),
  }
}

export function passkeyJson({ id, name, aaguid, createdTime, ...passkey }: Passkey): PeopleApi.Passkey {
  const { lastUsedTime } = passkey
  return {
    id,
    name,
    aaguid,
    backupEligible: passkey.isBackupEligible,
    suspected: passkey.isSuspected === true,
    createdTime: formatTimestamp(createdTime),
    ...(lastUsedTime !== undefined && { lastUsedTime: formatTimestamp(lastUsedTime) }),
  }
}

export function sessionJson(office: PeopleOffice, session: SessionRecord): PeopleApi.Session {
  const { id, kind, address, agent, workstationId, ended } = session
  const workstation = workstationId === undefined ? undefined : office.roll.get('workstation', workstationId)
  return {
    id,
    operator: nameOf(office, session.operatorId),
    kind,
    address,
    agent,
    createdTime: formatTimestamp(session.createdTime),
    lastUsedTime: formatTimestamp(session.lastUsedTime),
    presenceTime: formatTimestamp(session.presenceTime),
    expires: formatTimestamp(session.expires),
    ...(workstation !== undefined && { workstation: workstation.name }),
    ...(ended === undefined
      ? { allows: allowsOf(office, session) }
      : { ended: { time: formatTimestamp(ended.time), reason: ended.reason, by: ended.by } }),
  }
}

export function allowsOf(office: PeopleOffice, session: SessionRecord): 'all' | 'read' | 'nothing' {
  if (office.workstations.standingOf(session).kind === 'green') return 'all'
  return office.workstations.policy.mode === 'refuse' ? 'nothing' : 'read'
}

export function recoveryJson(office: PeopleOffice, recovery: Recovery): PeopleApi.Recovery {
  const { id, reason, askedBy, approvedBy, askedTime, expires } = recovery
  return {
    id,
    operator: nameOf(office, recovery.operatorId),
    reason,
    askedBy,
    askedTime: formatTimestamp(askedTime),
    expires: formatTimestamp(expires),
    approvedBy: approvedBy.map((one) => nameOf(office, one)),
  }
}

export function workstationJson(office: PeopleOffice, workstation: Workstation): PeopleApi.Workstation {
  const { id, name, operatorId, createdTime, approved, latest } = workstation
  const lacking = office.workstations.lackingOf(workstation)
  return {
    id,
    name,
    operator: nameOf(office, operatorId),
    createdTime: formatTimestamp(createdTime),
    ...(approved !== undefined && { approvedBy: approved.by }),
    ...(latest !== undefined && { reportedTime: formatTimestamp(latest.time), posture: { ...latest.report } }),
    ...(lacking !== undefined && { lacking: [...lacking] }),
  }
}

export function linkJson(office: PeopleOffice, { secret, expires }: MadeLink): PeopleApi.MadeLink {
  return { link: office.linkOf(secret), expires: formatTimestamp(expires) }
}

function nameOf(office: PeopleOffice, operatorId: string): string {
  return office.roll.get('operator', operatorId)?.name ?? 'unknown'
}
