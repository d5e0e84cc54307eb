/** What is done with the log: events are sent to others, and people review them. */

import { ownerOf } from '@holdfast/audit'
import { post, sendFrames } from '@holdfast/egress'
import type { Registry } from '@holdfast/identity'
import { LogReader } from '../audit/log-reader.ts'
import { Reviews } from '../audit/reviews.ts'
import { sendTo } from '../audit/sink-sender.ts'
import { Sinks } from '../audit/sinks.ts'
import type { Storage } from '../core/storage.ts'
import type { AuthorizationOffice } from '../people/authorization-office.ts'
import { VERSION } from '../version.ts'
import type { Ground } from './ground.ts'
import type { PeopleRoom } from './people.ts'

export interface ForwardingNeeds {
  readonly state: Storage['state']
  readonly registry: Pick<Registry, 'read'>
  readonly authorization: AuthorizationOffice
  readonly people: PeopleRoom
}

export interface ForwardingRoom {
  readonly reader: LogReader
  readonly sinks: Sinks
  readonly reviews: Reviews
}

/** They send from `sinks.start()` on. */
export async function openForwarding(
  { settings, clock, random, events, notices, fault }: Ground,
  { state, registry, authorization, people }: ForwardingNeeds,
): Promise<ForwardingRoom> {
  const { tree } = authorization.access
  const reader = new LogReader({
    store: state,
    organisationOf: async (subject) => {
      const [kind, name] = ownerOf(subject).split('/', 2)
      if (name === undefined) return undefined
      if (kind === 'organisation') return name
      if (kind === 'operator') return people.office.roll.operatorNamed(name)?.organisation
      if (kind !== 'device') return undefined
      const identity = await registry.read({ deviceId: name })
      return identity && tree.placementOf(identity.fleet).organisation
    },
  })
  const origin = { hub: settings.hostnames[0], version: VERSION }
  const sinks = await Sinks.open({
    clock,
    random,
    store: state,
    reader,
    events: events.sink,
    send: (sink, what) => sendTo(sink, what, { egress: { post, sendFrames }, origin }),
    setNotice: (code, notice) => notices.set(code, notice),
    fault,
  })
  events.subscribe(() => sinks.wake())
  const reviews = new Reviews({
    clock,
    random,
    store: state,
    reader,
    setNotice: (code, notice) => notices.set(code, notice),
    fault,
  })
  return { reader, sinks, reviews }
}
