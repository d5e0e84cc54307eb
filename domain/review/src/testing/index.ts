/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import {
  afterEntry,
  CADENCES,
  type DeviceState,
  type EventFilter,
  faultsOfFilter,
  type LogEntry,
  matcher,
  nextOf,
  NOTHING_KNOWN,
  Sampling,
  sinceItCame,
} from '../index.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

const TYPES = [
  'identity.created',
  'identity.deleted',
  'session.opened',
  'session.closed',
  'device.placed',
  'device.life-changed',
  'attestation.failed',
  'hub.started',
  'no-such.type',
] as const
const SUBJECT = 'device/a'

/** An entry a byte, with details of the rest. */
function entriesOf(bytes: Uint8Array): readonly LogEntry[] {
  const text = Buffer.from(bytes).toString('utf16le').toWellFormed()
  return [...bytes.subarray(0, 200)].map((byte, index) => {
    const detail = { to: text, reason: text, fleet: text, before: text.slice(1), credential: byte }
    const body = { subject: byte % 7 === 0 ? 'device/b' : SUBJECT, actor: text, detail }
    const type = TYPES[byte % TYPES.length] ?? ''
    return { index, type, version: 1, at: timestampOf(index), body: byte % 11 === 0 ? undefined : body }
  })
}

function runTimeline(bytes: Uint8Array): void {
  const entries = entriesOf(bytes)
  let state: DeviceState = NOTHING_KNOWN
  for (const entry of entries) {
    state = afterEntry(state, entry, SUBJECT)
    must(state.sessions >= 0, 'there are no fewer sessions than none')
    if (entry.type === 'identity.deleted' && entry.body?.subject === SUBJECT)
      must(!state.exists, 'what is gone is gone')
  }
  const shown = sinceItCame(entries, SUBJECT)
  must(
    shown.every(({ index }, at) => at === 0 || index === (shown[at - 1]?.index ?? 0) + 1),
    'what is shown has no gaps',
  )
}

function runFilter(bytes: Uint8Array): void {
  const [types = '', subjects = '', actors = ''] = Buffer.from(bytes).toString('utf8').split('|')
  const filter: EventFilter = { types: types.split(','), subjects: subjects.split(','), actors: actors.split(',') }
  const faults = faultsOfFilter(filter)
  must(
    faults.every(({ path }) => path.startsWith('/')),
    'a fault says where',
  )
  const matches = matcher(filter)
  for (const entry of entriesOf(bytes.subarray(0, 20))) {
    if (entry.body === undefined) must(!matches(entry), 'what is not known to be asked for is not given')
  }
  must(entriesOf(bytes).every(matcher({})), 'an empty filter means everything')
}

function runSample(bytes: Uint8Array): void {
  const size = 1 + ((bytes[0] ?? 0) % 50)
  const sampling = new Sampling(Buffer.from(bytes).toString('hex'), size)
  const entries = entriesOf(bytes)
  for (const entry of entries) sampling.offer(entry)
  const drawn = sampling.drawn()
  must(drawn.length === Math.min(size, entries.length), 'no place stays empty')
  must(new Set(drawn).size === drawn.length, 'nothing is drawn twice')
}

function runSchedule(bytes: Uint8Array): void {
  const number = (at: number): Timestamp =>
    timestampOf(
      Buffer.from(bytes)
        .subarray(at)
        .reduce((n, b) => (n * 256 + b) % 4e12, 0),
    )
  const [anchor, after] = [number(0), number(3)]
  for (const cadence of CADENCES) {
    const next = nextOf(cadence, anchor, after)
    must(next > after || next === anchor, 'what comes next is not over')
  }
}

export const fuzzTargets: readonly FuzzTarget[] = [
  { name: 'review-timeline', seeds: [Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8)], run: runTimeline },
  {
    name: 'review-filter',
    seeds: [Buffer.from('identity.*|device/*|operator/a'), Buffer.from('*,.*|*|')],
    run: runFilter,
  },
  { name: 'review-sample', seeds: [Uint8Array.of(1, 2, 3), Uint8Array.of(200, 9, 9, 9)], run: runSample },
  { name: 'review-schedule', seeds: [Uint8Array.of(1, 140, 44, 200, 1, 9, 7), Uint8Array.of()], run: runSchedule },
]
