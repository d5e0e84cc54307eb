/** Tokens of machines. */

import type { Policies } from '@holdfast/identity'
import type { Storage } from '../core/storage.ts'
import type { AuthorizationOffice } from '../people/authorization-office.ts'
import { TokenOffice } from '../people/token-office.ts'
import type { Ground } from './ground.ts'
import type { PeopleRoom } from './people.ts'

export interface TokenNeeds {
  readonly state: Storage['state']
  readonly policies: Policies
  readonly authorization: AuthorizationOffice
  readonly people: PeopleRoom
}

export function openTokens(
  ground: Ground,
  { state, policies, authorization, people }: TokenNeeds,
): Promise<TokenOffice> {
  const { clock, random, events, notices, damaged, fault } = ground
  return TokenOffice.open({
    store: state,
    policies,
    authorization,
    roll: people.office.roll,
    clock,
    random,
    events: events.throttled,
    setNotice: (code, notice) => notices.set(code, notice),
    damaged: (id) => damaged(`the token ${id}`, new Error('it was changed or moved in state.db')),
    fault,
  })
}
