/** The management stage with two organisations, and people and tokens of each: whoever they are stands in their bearer. */

import { ACTIONS, type Action } from '@holdfast/api'
import { Access, type Grant, type Node } from '@holdfast/authorization'
import { MemoryAccessStore } from '@holdfast/authorization/testing'
import { timestampOf } from '@holdfast/base'
import { CedarEngine } from '@holdfast/cedar'
import { TEST_START } from '@holdfast/identity/testing'
import type { PersonCaller, TokenCaller, TokenMaker } from '../people/actor.ts'
import type { ManagementServices } from '../http/management/services.ts'
import { AuthorizationOffice } from '../people/authorization-office.ts'
import { stage } from './management-stage.ts'

export type PeopleStage = Awaited<ReturnType<typeof peopleStage>>

/** One for all stages of a file, which come one after the other: an instance of Cedar is slow to load. */
const engine = new CedarEngine(ACTIONS)

const UNTIL = timestampOf(TEST_START + 3_600_000)

/** Devices `pump-1` and `pump-2` of `home`, `valve-1` of `acme`. Two organisations, nobody with a role. */
export async function peopleStage(changes: Pick<ManagementServices, 'people' | 'tokens'> = {}) {
  const people = new Map<string, PersonCaller>()
  const tokens = new Map<string, TokenCaller>()
  let etags = 0
  const access = await Access.open({
    store: new MemoryAccessStore(),
    engine,
    clock: { wall: () => timestampOf(TEST_START), monotonic: () => hub.clock.monotonic() },
    etag: () => `e${(etags += 1)}`,
    actions: ACTIONS,
    damaged: (_what, error) => void hub.failures.push(error),
  })
  const office: AuthorizationOffice = new AuthorizationOffice({
    access,
    registry: { read: (key) => hub.services.registry.read(key) },
    clock: { wall: () => hub.clock.wall(), monotonic: () => hub.clock.monotonic() },
    events: (event) => hub.services.events.sink(event),
  })
  const hub = await stage({
    ...changes,
    authorization: office,
    identifySession: async ({ bearer = '' }) => {
      const caller = people.get(bearer)
      return caller === undefined ? { kind: 'denied', code: 'session-over' } : { kind: 'caller', caller }
    },
    identifyToken: async ({ bearer = '' }) => {
      const caller = tokens.get(bearer)
      return caller === undefined ? { kind: 'denied', code: 'unknown-token' } : { kind: 'caller', caller }
    },
  })
  await access.addOrganisation('acme', 'test')
  for (const deviceId of ['pump-1', 'pump-2']) await hub.services.registry.create({ deviceId }, 'test')
  await hub.services.registry.create({ deviceId: 'valve-1', fleet: 'acme/main/default' }, 'test')
  hub.events.length = 0

  const as = (bearer: string) => (method: string, path: string, body?: unknown) =>
    hub.remote(method, path, { authorization: `Bearer ${bearer}` }, body)

  return {
    ...hub,
    access,
    office,
    /** Somebody who is signed in; `hfs_NAME` is their bearer. @returns how they ask. */
    person(name: string, organisation: string, changes: Partial<PersonCaller> = {}) {
      const session = { id: `s-${name}`, until: UNTIL, ended: new AbortController().signal }
      const presenceAt = timestampOf(TEST_START)
      const who = { kind: 'person', id: name, name, organisation, session, presenceAt, posture: 'full' } as const
      people.set(`hfs_${name}`, { ...who, ...changes })
      return as(`hfs_${name}`)
    },
    /** A machine; `hft_NAME` is its bearer. @returns how it asks. */
    machine(name: string, organisation: string, scope: readonly Grant[], maker: TokenMaker = { kind: 'hub' }) {
      const ended = new AbortController().signal
      tokens.set(`hft_${name}`, {
        kind: 'token',
        id: name,
        name,
        organisation,
        scope,
        maker,
        until: UNTIL,
        ended,
      })
      return as(`hft_${name}`)
    },
    /** Gives somebody a role of one action and nothing else. */
    async allow(name: string, action: Action, node: Node, organisation = 'home'): Promise<void> {
      const role = `only-${action.replace(':', '-')}`
      const text = `permit (principal in Role::"${role}", action == Action::"${action}", resource);`
      await access.setRole({ organisation, name: role, text }, 'test')
      await access.assign({ principal: `operator/${name}`, role, node, organisation }, 'test')
    },
  }
}

export const HOME: Node = { kind: 'organisation', organisation: 'home' }
export const ACME: Node = { kind: 'organisation', organisation: 'acme' }
