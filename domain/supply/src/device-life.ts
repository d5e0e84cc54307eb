/** What is known of a device's life beside its identity, and every change of it: record and change to record. */

import type { Timestamp } from '@holdfast/base'
import { assertNever } from '@holdfast/base'
import { type LifeMove, type LifeState, planMove } from './life.ts'
import type { EntryKey, KeyStorage } from './manifest-entry.ts'

export interface DeviceLife {
  readonly deviceId: string
  /** Of the identity it is about; absent while that is being made, and then it is about whichever has the id. */
  readonly generationId?: string
  readonly state: LifeState
  /** Where the quarantine began; while it lasts. */
  readonly before?: LifeState
  readonly since: Timestamp
  /** Why it is quarantined or retired. */
  readonly reason?: string
  readonly model?: string
  readonly hardwareRevision?: string
  readonly keyStorage?: KeyStorage
  /** By which kind of key it was provisioned, where that was looked at. */
  readonly keyKind?: EntryKey['kind']
  readonly owner?: string
  /** Of the entry it comes from, both or none. */
  readonly manufacturer?: string
  readonly serial?: string
}

/** What a provisioning says of a device: from its entry, or from its enrolment. */
export interface LifeFacts {
  readonly model?: string
  readonly hardwareRevision?: string
  readonly keyStorage?: KeyStorage
  readonly keyKind?: EntryKey['kind']
  readonly owner?: string
  readonly manufacturer?: string
  readonly serial?: string
}

/** A change; `needsCommissioning` is what the device's model asks, as whoever changes knows it. */
export type LifeChange =
  /** Before the identity is made or renewed: from here on it is under the rules of its model. */
  | { readonly kind: 'provisioning'; readonly facts: LifeFacts }
  /** The identity is there. */
  | { readonly kind: 'provisioned'; readonly generationId: string; readonly needsCommissioning: boolean }
  /** The operator says of which model a device is; of one that has no life yet it begins here. */
  | {
      readonly kind: 'assign'
      readonly generationId: string
      readonly model: string
      readonly hardwareRevision?: string
      readonly needsCommissioning: boolean
    }
  | { readonly kind: 'commission'; readonly generationId: string; readonly note: string }
  | { readonly kind: 'quarantine'; readonly generationId: string; readonly reason: string }
  | { readonly kind: 'release'; readonly generationId: string; readonly reason: string }
  /** It is another's now. A device that was claimed by its key has to be provisioned again. */
  | {
      readonly kind: 'transfer'
      readonly generationId: string
      readonly owner: string
      readonly needsCommissioning: boolean
    }
  | { readonly kind: 'retire'; readonly generationId: string; readonly reason: string }

/** A line of the history, which nothing changes or takes away. */
export interface HistoryDraft {
  readonly move: LifeMove | 'assign' | 'expire' | 'offer' | 'withdraw' | 'reprovision'
  readonly from?: LifeState
  readonly to?: LifeState
  readonly detail: Readonly<Record<string, string>>
}

export type LifeOutcome =
  | { readonly kind: 'changed'; readonly life: DeviceLife; readonly history: readonly HistoryDraft[] }
  | { readonly kind: 'unchanged'; readonly life: DeviceLife }
  | { readonly kind: 'refused'; readonly reason: string }

/** The life of a device that nobody wrote anything about: what the registry creates is active at once. */
export function unwrittenLife(deviceId: string, generationId: string, since: Timestamp): DeviceLife {
  return { deviceId, generationId, state: 'active', since }
}

/** Whether what is written is about this identity, and not about a former one of the same id. */
export function isAbout(life: DeviceLife | undefined, generationId: string): life is DeviceLife {
  return life !== undefined && (life.generationId === undefined || life.generationId === generationId)
}

/**
 * The record after a change.
 * @param current what is written of the id, also of a former identity.
 */
export function applyLifeChange(
  deviceId: string,
  current: DeviceLife | undefined,
  change: LifeChange,
  at: Timestamp,
): LifeOutcome {
  if (change.kind === 'provisioning') return provisioning(deviceId, current, change.facts, at)
  const { generationId } = change
  const life = isAbout(current, generationId) ? current : unwrittenLife(deviceId, generationId, at)
  const known: DeviceLife = { ...life, generationId }
  switch (change.kind) {
    case 'provisioned':
      // A renewal of what goes on: neither a commissioning nor a quarantine is lost or won by it.
      if (known.state !== 'claimed') return written(current, known)
      return steps(known, at, ['provision', ...(change.needsCommissioning ? [] : ['activate' as const])])
    case 'assign':
      return assigned(known, change, at)
    case 'commission':
      return steps(known, at, ['commission', 'activate'], detailOf('note', change.note))
    case 'quarantine': {
      if (known.state === 'quarantined') return written(current, known)
      return steps(known, at, ['quarantine'], detailOf('reason', change.reason), { reason: change.reason })
    }
    case 'release':
      return steps(known, at, ['release'], detailOf('reason', change.reason))
    case 'transfer':
      return transferred(known, change, at)
    case 'retire':
      return steps(known, at, ['retire'], detailOf('reason', change.reason), { reason: change.reason })
    default:
      return assertNever(change)
  }
}

/** Without a generation the record holds for whichever identity the id has: a crash in between leaves nobody unjudged. */
function provisioning(deviceId: string, current: DeviceLife | undefined, facts: LifeFacts, at: Timestamp): LifeOutcome {
  if (current !== undefined && isSameOrigin(current, facts)) return { kind: 'unchanged', life: current }
  const life: DeviceLife = { deviceId, state: 'claimed', since: at, ...facts }
  return { kind: 'changed', life, history: [] }
}

function isSameOrigin(life: DeviceLife, facts: LifeFacts): boolean {
  return life.manufacturer === facts.manufacturer && life.serial === facts.serial && life.model === facts.model
}

function assigned(life: DeviceLife, change: Extract<LifeChange, { kind: 'assign' }>, at: Timestamp): LifeOutcome {
  if (life.serial !== undefined && life.model !== change.model) {
    return { kind: 'refused', reason: 'its manifest says of which model it is; an operator does not say otherwise' }
  }
  if (life.state === 'quarantined' || life.state === 'retired') {
    return { kind: 'refused', reason: `it is ${life.state}; that comes first` }
  }
  const { hardwareRevision: _former, ...rest } = life
  const to = change.needsCommissioning && life.model !== change.model ? 'provisioned' : life.state
  const detail = { model: change.model, ...(life.model === undefined ? {} : { before: life.model }) }
  return {
    kind: 'changed',
    life: {
      ...rest,
      ...(change.hardwareRevision === undefined ? {} : { hardwareRevision: change.hardwareRevision }),
      model: change.model,
      state: to,
      since: to === life.state ? life.since : at,
    },
    history: [{ move: 'assign', from: life.state, to, detail }],
  }
}

function transferred(life: DeviceLife, change: Extract<LifeChange, { kind: 'transfer' }>, at: Timestamp): LifeOutcome {
  const detail = { to: change.owner, ...(life.owner === undefined ? {} : { from: life.owner }) }
  const moved = steps({ ...life, owner: change.owner }, at, ['transfer'], detail)
  // Only a device that was claimed by its key can be provisioned again by it; any other has an identity still.
  if (moved.kind !== 'changed' || life.serial !== undefined) return moved
  const on = steps(moved.life, at, ['provision', ...(change.needsCommissioning ? [] : ['activate' as const])])
  return on.kind === 'changed' ? { ...on, history: [...moved.history, ...on.history] } : on
}

/** Makes moves one after the other, or none. */
function steps(
  life: DeviceLife,
  at: Timestamp,
  moves: readonly LifeMove[],
  detail: Readonly<Record<string, string>> = {},
  more: Pick<DeviceLife, 'reason'> = {},
): LifeOutcome {
  let now = life
  const history: HistoryDraft[] = []
  for (const move of moves) {
    const plan = planMove(now.state, move, now.before)
    if (plan.kind === 'refused') return plan
    const { before: _before, reason: _reason, ...rest } = now
    history.push({ move, from: now.state, to: plan.to, detail: history.length === 0 ? detail : {} })
    now = { ...rest, ...more, state: plan.to, since: at, ...(move === 'quarantine' ? { before: now.state } : {}) }
  }
  return { kind: 'changed', life: now, history }
}

function written(current: DeviceLife | undefined, life: DeviceLife): LifeOutcome {
  return current?.generationId === life.generationId
    ? { kind: 'unchanged', life }
    : { kind: 'changed', life, history: [] }
}

function detailOf(name: string, value: string): Readonly<Record<string, string>> {
  return value === '' ? {} : { [name]: value }
}
