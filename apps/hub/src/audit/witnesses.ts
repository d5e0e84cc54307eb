/**
 * The witnesses of the log: brings them each new checkpoint, keeps what they cosign, and says so when one is away for long or
 * saw another history. Nothing waits for a witness.
 */

import type { Because, EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, type Timestamp, timestampOf } from '@holdfast/base'
import { type Destination, faultOfTrust, parseDestination, type PostAnswer, type Sending } from '@holdfast/egress'
import type { Hash, SignatureLine } from '@holdfast/tlog'
import { callWitness, type CallOutcome, type Signed } from './witness-call.ts'
import { formatRecords, parseRecords, type WitnessRecord, WITNESSES_MAX, witnessKeyOf } from './witness-record.ts'

const SETTING = 'auditWitnesses'
const HOUR_MS = 3_600_000
/** A witness that was not reached for so long is told of. */
export const AGEING_MS = 24 * HOUR_MS
/** And after so long it is a condition of the hub. */
export const AWAY_MS = 72 * HOUR_MS
/** How often checkpoints are brought, in milliseconds. */
export const PUSH_MS = 10_000
/** The longest pause between two attempts at one that does not answer, in milliseconds. */
const PAUSE_MS_MAX = 10 * 60_000
/** How often it is kept when one cosigned last, in milliseconds: for counting its absence over a restart. */
const KEPT_MS = HOUR_MS

/** The log, as far as witnesses are concerned. */
export interface WitnessedLog {
  /** The last checkpoint that was signed; undefined before the first. Rejects if the log cannot be read. */
  latest(): Promise<Signed | undefined>
  /** Rejects if the log cannot be read. */
  consistency(oldSize: number, size: number): Promise<readonly Hash[]>
  /** Keeps a cosignature, which was verified, with the checkpoint of that size. */
  keepCosignature(size: number, line: SignatureLine): Promise<void>
}

export interface WitnessStore {
  readSetting(name: string): Promise<string | undefined>
  writeSetting(name: string, value: string, because?: Because): Promise<void>
}

export interface WitnessesParts {
  readonly log: WitnessedLog
  readonly store: WitnessStore
  readonly clock: Clock
  readonly events: EventSink
  readonly post: (sending: Sending, body: Uint8Array, headers: Readonly<Record<string, string>>) => Promise<PostAnswer>
  /** @param detail undefined: all is well again. */
  readonly setCondition: (code: string, detail: string | undefined) => void
  /** @param notice undefined: the reason is gone. */
  readonly setNotice: (code: string, notice: { readonly detail: string; readonly advice: string } | undefined) => void
  readonly fault: (error: unknown) => void
}

export type WitnessState = 'new' | 'current' | 'waiting' | 'ageing' | 'away' | 'refusing' | 'forked'

export interface WitnessShown {
  readonly record: WitnessRecord
  readonly state: WitnessState
  readonly reason: string | undefined
  readonly cosigned: { readonly size: number; readonly at: Timestamp } | undefined
  /** Entries that were signed for since. */
  readonly behind: number
}

export type AddOutcome =
  | { readonly kind: 'added'; readonly witness: WitnessShown }
  | { readonly kind: 'exists' | 'too-many' | 'bad-key' | 'bad-ca' }
  | { readonly kind: 'bad-url'; readonly fault: string }

interface Watched {
  record: WitnessRecord
  readonly destination: Destination
  cosigned: { size: number; at: Timestamp } | undefined
  outcome: Exclude<CallOutcome, { kind: 'cosigned' }> | undefined
  isAway: boolean
  isForked: boolean
  failures: number
  /** When to try again at the earliest. */
  notBefore: number
  /** The attempt that is being made. */
  underWay: Promise<void> | undefined
}

export class Witnesses {
  readonly #parts: WitnessesParts
  readonly #watched = new Map<string, Watched>()
  readonly #stopped = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  /** Entries of the last checkpoint, as far as was looked. */
  #size = 0

  private constructor(parts: WitnessesParts, records: readonly WitnessRecord[]) {
    this.#parts = parts
    for (const record of records) this.#watch(record)
  }

  /** @throws TypeError when what is stored is no list of witnesses. */
  static async open(parts: WitnessesParts): Promise<Witnesses> {
    return new Witnesses(parts, parseRecords(await parts.store.readSetting(SETTING)))
  }

  /** Brings checkpoints every `PUSH_MS` from now on. */
  start(): void {
    this.#timer = setInterval(() => void this.push(), PUSH_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopped.abort()
  }

  list(): readonly WitnessShown[] {
    return [...this.#watched.values()].map((watched) => this.#show(watched))
  }

  /** @param actor as events name it. */
  add(draft: Omit<WitnessRecord, 'addedAt' | 'cosignedAt' | 'cosignedSize'>, actor: string): Promise<AddOutcome> {
    return this.#inTurn(async () => {
      const { name, url, key, ca } = draft
      if (this.#watched.has(name)) return { kind: 'exists' }
      if (this.#watched.size >= WITNESSES_MAX) return { kind: 'too-many' }
      if (witnessKeyOf(key) === undefined) return { kind: 'bad-key' }
      if (ca !== undefined && faultOfTrust({ authorities: ca }) !== undefined) return { kind: 'bad-ca' }
      const read = destinationOf(url)
      if ('fault' in read) return { kind: 'bad-url', fault: read.fault }
      const record = { ...draft, addedAt: this.#parts.clock.wall() }
      await this.#write([...this.#records(), record], this.#event('witness.added', name, actor, { url, key }))
      const watched = this.#watch(record)
      if (watched === undefined) throw new TypeError('a witness was checked and is not one')
      void this.#bring(watched)
      return { kind: 'added', witness: this.#show(watched) }
    })
  }

  /** @returns false if there is none of this name. */
  remove(name: string, actor: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#watched.has(name)) return false
      const left = this.#records().filter((record) => record.name !== name)
      await this.#write(left, this.#event('witness.removed', name, actor, {}))
      this.#watched.delete(name)
      this.#parts.setNotice(`witness-${name}`, undefined)
      this.#tellConditions()
      return true
    })
  }

  /** Brings the last checkpoint to whoever lacks it. Resolves when all have answered or were given up. */
  async push(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((watched) => this.#bring(watched)))
  }

  #bring(watched: Watched): Promise<void> {
    watched.underWay ??= this.#attempt(watched).finally(() => {
      watched.underWay = undefined
    })
    return watched.underWay
  }

  async #attempt(watched: Watched): Promise<void> {
    const { log, clock, fault } = this.#parts
    try {
      const signed = await log.latest()
      this.#size = signed?.size ?? 0
      const isCurrent =
        signed === undefined || (watched.cosigned?.size === signed.size && watched.outcome === undefined)
      if (!isCurrent && clock.monotonic() >= watched.notBefore) await this.#call(watched, signed)
    } catch (error) {
      fault(error)
    }
    this.#age(watched)
  }

  async #call(watched: Watched, signed: Signed): Promise<void> {
    const { log, post } = this.#parts
    const { record, destination } = watched
    const key = witnessKeyOf(record.key)
    if (key === undefined) return
    const outcome = await callWitness(signed, watched.cosigned?.size ?? 0, {
      key,
      consistency: (oldSize, size) => log.consistency(oldSize, size),
      post: (body) =>
        post(
          {
            destination,
            trust: record.ca === undefined ? {} : { authorities: record.ca },
            allowPrivate: record.allowPrivate,
            turn: watched.failures,
            signal: this.#stopped.signal,
          },
          body,
          { 'content-type': 'text/plain; charset=utf-8' },
        ),
    })
    // It may have been removed meanwhile.
    if (this.#watched.get(record.name) !== watched || this.#stopped.signal.aborted) return
    if (outcome.kind !== 'cosigned') return this.#onFailure(watched, outcome)
    await log.keepCosignature(signed.size, outcome.signature.line)
    await this.#onCosigned(watched, signed.size)
  }

  async #onCosigned(watched: Watched, size: number): Promise<void> {
    const { clock, events } = this.#parts
    const at = clock.wall()
    const isBack = watched.isAway || watched.isForked
    Object.assign(watched, { cosigned: { size, at }, outcome: undefined, failures: 0, notBefore: 0 })
    Object.assign(watched, { isAway: false, isForked: false })
    const { name, cosignedAt = 0 } = watched.record
    this.#parts.setNotice(`witness-${name}`, undefined)
    if (isBack) events(this.#event('witness.returned', name, 'hub', { size }))
    this.#tellConditions()
    if (!isBack && at < cosignedAt + KEPT_MS) return
    await this.#inTurn(async () => {
      watched.record = { ...watched.record, cosignedAt: at, cosignedSize: size }
      await this.#write(this.#records())
    })
  }

  #onFailure(watched: Watched, outcome: Exclude<CallOutcome, { kind: 'cosigned' }>): void {
    const { clock, events } = this.#parts
    watched.outcome = outcome
    watched.failures += 1
    watched.notBefore = clock.monotonic() + Math.min(PAUSE_MS_MAX, PUSH_MS * 2 ** Math.min(watched.failures - 1, 10))
    if (outcome.kind !== 'forked') return
    if (!watched.isForked) {
      watched.isForked = true
      const { reason, size } = outcome
      events(this.#event('witness.forked', watched.record.name, 'hub', { reason, size }))
    }
    this.#tellConditions()
  }

  /** An absence is told once it has lasted. */
  #age(watched: Watched): void {
    const state = this.#stateOf(watched)
    const { name } = watched.record
    const reason = watched.outcome?.reason ?? ''
    if (state === 'ageing' || state === 'away') {
      const hours = Math.floor((this.#parts.clock.wall() - lastSeen(watched)) / HOUR_MS)
      this.#parts.setNotice(`witness-${name}`, {
        detail: `the witness ${name} has cosigned nothing for ${state === 'away' ? 'three days' : 'a day'}`,
        advice: `see that it runs and can be reached (${reason})`,
      })
      if (state === 'away' && !watched.isAway) {
        watched.isAway = true
        this.#parts.events(this.#event('witness.away', name, 'hub', { reason, hours }))
        this.#tellConditions()
      }
    } else if (state === 'refusing') {
      this.#parts.setNotice(`witness-${name}`, {
        detail: `the witness ${name} refuses checkpoints: ${reason}`,
        advice: 'mend what it says, or remove it (holdfast audit witness remove)',
      })
    }
  }

  #tellConditions(): void {
    const all = [...this.#watched.values()]
    const forked = all.filter(({ isForked }) => isForked)
    const away = all.filter(({ isAway }) => isAway)
    const names = (list: readonly Watched[]): string => list.map(({ record }) => record.name).join(', ')
    this.#parts.setCondition(
      'audit-forked',
      forked.length === 0
        ? undefined
        : `the audit log is not the one that was witnessed: ${names(forked)} saw another history; holdfast audit verify --witness names where they part`,
    )
    this.#parts.setCondition(
      'witness-away',
      away.length === 0
        ? undefined
        : `nobody but this hub vouches for what the audit log says lately: away is ${names(away)}`,
    )
  }

  #show(watched: Watched): WitnessShown {
    const { record, cosigned, outcome } = watched
    return {
      record,
      state: this.#stateOf(watched),
      reason: outcome?.reason,
      cosigned,
      behind: Math.max(0, this.#size - (cosigned?.size ?? 0)),
    }
  }

  #stateOf(watched: Watched): WitnessState {
    const { outcome, isForked } = watched
    if (isForked) return 'forked'
    if (outcome === undefined) return watched.cosigned === undefined ? 'new' : 'current'
    const absence = this.#parts.clock.wall() - lastSeen(watched)
    if (absence >= AWAY_MS) return 'away'
    if (outcome.kind === 'refused') return 'refusing'
    return absence >= AGEING_MS ? 'ageing' : 'waiting'
  }

  #watch(record: WitnessRecord): Watched | undefined {
    const read = destinationOf(record.url)
    if ('fault' in read) {
      this.#parts.fault(new TypeError(`the address of the witness ${record.name} ${read.fault}`))
      return undefined
    }
    const { cosignedAt, cosignedSize } = record
    const watched: Watched = {
      record,
      destination: read.destination,
      cosigned:
        cosignedAt === undefined || cosignedSize === undefined
          ? undefined
          : { size: cosignedSize, at: timestampOf(cosignedAt) },
      outcome: undefined,
      isAway: false,
      isForked: false,
      failures: 0,
      notBefore: 0,
      underWay: undefined,
    }
    this.#watched.set(record.name, watched)
    return watched
  }

  #records(): readonly WitnessRecord[] {
    return [...this.#watched.values()].map(({ record }) => record)
  }

  async #write(records: readonly WitnessRecord[], because?: SecurityEvent): Promise<void> {
    await this.#parts.store.writeSetting(SETTING, formatRecords(records), because)
  }

  #event(type: SecurityEvent['type'], name: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `witness/${name}`, actor, detail }
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(step)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function lastSeen({ cosigned, record }: Watched): number {
  return Math.max(cosigned?.at ?? 0, record.cosignedAt ?? 0, record.addedAt)
}

/** The address of `add-checkpoint` below the prefix. */
function destinationOf(url: string): { readonly destination: Destination } | { readonly fault: string } {
  if (!url.startsWith('https://') || url.includes('?')) return { fault: 'is an address like https://host:port' }
  return parseDestination(`${url.replace(/\/+$/, '')}/add-checkpoint`)
}
