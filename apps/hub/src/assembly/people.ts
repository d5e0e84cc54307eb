/** People: operators, their passkeys, sessions and workstations. */

import { parseNode } from '@holdfast/authorization'
import { WebAuthn } from '@holdfast/webauthn'
import type { Storage } from '../core/storage.ts'
import type { AuthorizationOffice } from '../people/authorization-office.ts'
import { SessionIdentification } from '../people/identify-session.ts'
import { PeopleOffice } from '../people/people-office.ts'
import type { Ground } from './ground.ts'

export interface PeopleNeeds {
  readonly state: Storage['state']
  readonly authorization: AuthorizationOffice
}

export interface PeopleRoom {
  readonly office: PeopleOffice
  readonly identification: SessionIdentification
}

const HTTPS_PORT = 443

export async function openPeople(ground: Ground, { state, authorization }: PeopleNeeds): Promise<PeopleRoom> {
  const { settings, ports, clock, random, events, notices, damaged, fault } = ground
  const [hubName] = settings.hostnames
  // As browsers write it (WHATWG HTML §7.1.1): lower case, and no port that is the scheme's own.
  const suffix = ports.httpsPort === HTTPS_PORT ? '' : `:${ports.httpsPort}`
  const origin = `https://${hubName.toLowerCase()}${suffix}`
  const verifier = new WebAuthn({
    relyingPartyId: hubName.toLowerCase(),
    relyingPartyName: 'Holdfast',
    origins: [origin],
  })
  const office = await PeopleOffice.open({
    store: state,
    verifier,
    clock,
    random,
    events: events.throttled,
    limits: settings.sessions,
    hubName: hubName.toLowerCase(),
    origins: [origin],
    home: () => authorization.access.tree.first,
    mayGive: (link, maker) => authorization.couldInvite(maker, link),
    assignRoles: async ({ name, organisation, roles, invitedBy }) => {
      const node = parseNode(`organisation/${organisation}`)
      if (node === undefined) throw new TypeError('the organisation of an operator has a name')
      for (const role of roles) {
        await authorization.access.assign({ principal: `operator/${name}`, role, node, organisation }, invitedBy)
      }
    },
    damaged: (what) => damaged(what, new Error('it was changed or moved in state.db')),
    setNotice: (code, notice) => notices.set(code, notice),
    fault,
  })
  return { office, identification: new SessionIdentification(office) }
}

/**
 * While nobody can sign in: the link that enrols the first operator. It is printed once, at the very first start, where
 * the operator looks (the log); `holdfast operator link` makes another one.
 */
export async function greetFirstOperator({ log }: Ground, { office }: PeopleRoom): Promise<void> {
  if (!office.people.isEmpty) return
  const isFirstStart = office.roll.count('operator') === 0 && office.roll.count('link') === 0
  if (!isFirstStart) {
    log.warn('nobody can sign in yet; holdfast operator link makes a link that enrols the first operator')
    return
  }
  const { secret } = await office.makeFirstLink('hub')
  log.info(`open this link once, within a day, to enrol the first operator with a passkey: ${office.linkOf(secret)}`)
}
