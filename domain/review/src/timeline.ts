/** What a device was at a moment, from the entries of the log about it: a fold that knows nothing else. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { LogEntry } from './entry.ts'

/** A verdict, a session and the like, and since when it is so. */
export interface Since<T> {
  readonly value: T
  readonly since: Timestamp
}

/** What is absent was not told by the log so far. */
export interface DeviceState {
  readonly exists: boolean
  readonly created?: Timestamp
  /** `enabled`, `disabled`. */
  readonly status?: string
  /** How it proves who it is. */
  readonly authentication?: string
  /** The latest that it came with. */
  readonly credential?: string
  readonly sessions: number
  readonly lane?: Since<string>
  /** The reason of its quarantine. */
  readonly quarantine?: Since<string>
  readonly suspicion?: Since<string>
  /** `verified`, or why not. */
  readonly attestation?: Since<string>
  readonly certificate?: Since<string>
  readonly certificateState?: 'issued' | 'active' | 'revoked'
  readonly life?: Since<string>
  readonly model?: string
  readonly owner?: string
  readonly fleet?: string
}

export const NOTHING_KNOWN: DeviceState = { exists: false, sessions: 0 }

type Detail = SecurityEvent['detail']
type Step = (state: DeviceState, detail: Detail, at: Timestamp) => DeviceState

const text = (detail: Detail, name: string): string => String(detail[name] ?? '')

const openSession: Step = (state, detail) => ({
  ...state,
  sessions: state.sessions + 1,
  credential: text(detail, 'credential'),
})

const closeSession: Step = (state) => ({ ...without(state, 'lane'), sessions: Math.max(0, state.sessions - 1) })

const attested =
  (verdict: (detail: Detail) => string): Step =>
  (state, detail, at) => ({ ...state, attestation: { value: verdict(detail), since: at } })

const certificate =
  (certificateState: NonNullable<DeviceState['certificateState']>): Step =>
  (state, detail, at) => ({ ...state, certificate: { value: text(detail, 'sha256'), since: at }, certificateState })

const live: Step = (state, detail, at) => {
  const { model, to } = detail
  return {
    ...state,
    ...(typeof to === 'string' && to !== '' ? { life: { value: to, since: at } } : {}),
    ...(typeof model === 'string' && model !== '' ? { model } : {}),
  }
}

const STEPS: ReadonlyMap<string, Step> = new Map<string, Step>([
  [
    'identity.created',
    (_state, detail, at) => ({
      ...NOTHING_KNOWN,
      exists: true,
      created: at,
      status: text(detail, 'status'),
      authentication: text(detail, 'authentication'),
    }),
  ],
  [
    'identity.updated',
    (state, detail) => ({
      ...state,
      exists: true,
      status: text(detail, 'status'),
      authentication: text(detail, 'authentication'),
    }),
  ],
  ['identity.deleted', () => NOTHING_KNOWN],
  [
    'identity.quarantined',
    (state, detail, at) => ({ ...state, quarantine: { value: text(detail, 'reason'), since: at } }),
  ],
  ['identity.released', (state) => without(state, 'quarantine')],
  ['identity.suspected', (state, detail, at) => ({ ...state, suspicion: { value: text(detail, 'what'), since: at } })],
  ['identity.cleared', (state) => without(state, 'suspicion')],
  ['session.opened', openSession],
  ['session.closed', closeSession],
  ['session.lane-changed', (state, detail, at) => ({ ...state, lane: { value: text(detail, 'lane'), since: at } })],
  ['attestation.verified', attested(() => 'verified')],
  ['attestation.failed', attested((detail) => `failed: ${text(detail, 'reason')}`)],
  ['attestation.stale', attested((detail) => `stale: ${text(detail, 'reason')}`)],
  ['attestation.forgotten', (state) => without(state, 'attestation')],
  ['certificate.issued', certificate('issued')],
  ['certificate.renewed', certificate('issued')],
  ['certificate.activated', certificate('active')],
  ['certificate.revoked', certificate('revoked')],
  ['device.life-changed', live],
  ['device.model-assigned', live],
  ['device.transferred', (state, detail) => ({ ...state, owner: text(detail, 'to') })],
  ['device.placed', (state, detail) => ({ ...state, fleet: text(detail, 'fleet') })],
])

/**
 * The state after one more entry. Entries are given in the order of the log; those about other subjects change nothing,
 * but for a start of the hub: no session outlives that.
 * @param subject of the device, `device/ID`.
 */
export function afterEntry(state: DeviceState, { type, at, body }: LogEntry, subject: string): DeviceState {
  if (type === 'hub.started') return { ...without(state, 'lane'), sessions: 0 }
  if (body?.subject !== subject) return state
  return STEPS.get(type)?.(state, body.detail, at) ?? state
}

/** The state at a moment: what all entries that happened until then, and at it, come to. */
export function stateAsOf(entries: readonly LogEntry[], subject: string, asOf: Timestamp): DeviceState {
  let state = NOTHING_KNOWN
  for (const entry of entries) if (entry.at <= asOf) state = afterEntry(state, entry, subject)
  return state
}

/**
 * The entries since a device of this name came to whom it belongs: what an earlier device of the name did, or this one
 * elsewhere, is not theirs to read.
 */
export function sinceItCame(entries: readonly LogEntry[], subject: string): readonly LogEntry[] {
  const first = entries.findLastIndex(({ type, body }) => {
    if (body?.subject !== subject) return false
    if (type === 'identity.created') return true
    if (type !== 'device.placed') return false
    const { fleet, before } = body.detail
    return typeof before === 'string' && organisation(before) !== organisation(String(fleet))
  })
  // A device whose coming is not among them shows nothing.
  return first === -1 ? [] : entries.slice(first)
}

function organisation(fleet: string): string {
  return fleet.split('/', 1)[0] ?? ''
}

function without(state: DeviceState, name: 'lane' | 'quarantine' | 'suspicion' | 'attestation'): DeviceState {
  const { [name]: _gone, ...rest } = state
  return rest
}
