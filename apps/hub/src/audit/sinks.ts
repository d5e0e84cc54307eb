/** The sinks of the hub: made, changed, shown, and each kept running by itself. */

import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, type Timestamp } from '@holdfast/base'
import {
  formatSecret,
  newSecret,
  type Outcome,
  OVERLAP_MS,
  rotated,
  SECRET_BYTES,
  type SigningSecret,
  type Sink,
  type SinkKind,
  SINKS_MAX,
  type SinkSecrets,
  type SinkStore,
  type StoredSetAside,
} from '@holdfast/forwarding'
import { type EntryReader, type EventFilter, matcher } from '@holdfast/review'
import type { Fault } from '../core/problem.ts'
import { faultsOfSink, isSamePlace } from './sink-draft.ts'
import { SinkRunner } from './sink-runner.ts'
import type { Delivered } from './sink-sender.ts'

/** What was set aside that one retry sends again. */
const RETRY_MAX = 100

/** How often a sink that waits for nothing looks whether the log has grown, in milliseconds; it is told, too. */
export const LOOK_MS = 5_000

export interface SinksParts {
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly store: SinkStore
  readonly reader: EntryReader
  readonly events: EventSink
  readonly send: (sink: Sink, what: Delivered) => Promise<Outcome>
  /** @param notice undefined: the reason is gone. */
  readonly setNotice: (code: string, notice: { readonly detail: string; readonly advice: string } | undefined) => void
  readonly fault: (error: unknown) => void
}

export interface NewSink {
  readonly name: string
  readonly kind: SinkKind
  readonly address: string
  readonly filter: EventFilter
  readonly view?: string
  readonly authorities?: string
  readonly client?: SinkSecrets['client']
  readonly headers?: Readonly<Record<string, string>>
  readonly from: 'now' | 'start'
}

/** What is absent stays; null takes away. */
export interface SinkEdit {
  readonly address?: string
  readonly filter?: EventFilter
  readonly view?: string
  readonly authorities?: string | null
  readonly client?: NonNullable<SinkSecrets['client']> | null
  readonly headers?: Readonly<Record<string, string>> | null
  readonly isEnabled?: boolean
}

export interface SinkShown {
  readonly sink: Sink
  readonly state: 'current' | 'sending' | 'failing' | 'held' | 'paused'
  readonly failures: number
  readonly reason: string | undefined
  readonly lastTaken: Timestamp | undefined
  readonly cursor: number
  readonly backlog: number
  readonly backlogSince: Timestamp | undefined
  readonly setAside: number
}

export type SinkRefusal =
  | { readonly kind: 'missing' | 'exists' | 'too-many' | 'etag-mismatch' | 'not-a-webhook' | 'too-many-secrets' }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] }

export type SinkOutcome = { readonly kind: 'done'; readonly shown: SinkShown; readonly secret?: string } | SinkRefusal

export class Sinks {
  readonly #parts: SinksParts
  readonly #runners = new Map<string, SinkRunner>()
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  readonly #ended = new AbortController()

  private constructor(parts: SinksParts) {
    this.#parts = parts
  }

  static async open(parts: SinksParts): Promise<Sinks> {
    const sinks = new Sinks(parts)
    for (const { cursor, setAside, ...sink } of await parts.store.listSinks()) sinks.#run(sink, { cursor, setAside })
    return sinks
  }

  /** Begins to send. */
  start(): void {
    this.wake()
    this.#timer = setInterval(() => this.wake(), LOOK_MS)
    this.#timer.unref()
  }

  /** The log has grown. */
  wake(): void {
    if (this.#ended.signal.aborted) return
    for (const runner of this.#runners.values()) if (runner.sink.isEnabled) runner.wake()
  }

  /** Breaks off what is under way: it is sent again when the hub is back. */
  async end(): Promise<void> {
    this.#ended.abort()
    clearInterval(this.#timer)
    this.#timer = undefined
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()))
  }

  async list(): Promise<readonly SinkShown[]> {
    const size = await this.#parts.reader.readSize()
    return Promise.all([...this.#runners.values()].map((runner) => this.#show(runner, size)))
  }

  async show(name: string): Promise<SinkShown | undefined> {
    const runner = this.#runners.get(name)
    return runner && this.#show(runner, await this.#parts.reader.readSize())
  }

  /** For metrics: what is known without asking the disk. */
  counts(): readonly {
    readonly name: string
    readonly kind: SinkKind
    readonly isFailing: boolean
    readonly setAside: number
    readonly cursor: number
  }[] {
    return [...this.#runners.values()].map(({ sink, delivery, setAside }) => ({
      name: sink.name,
      kind: sink.kind,
      isFailing: delivery.isFailing,
      setAside,
      cursor: delivery.cursor,
    }))
  }

  create(draft: NewSink, actor: string): Promise<SinkOutcome> {
    return this.#inTurn(async () => {
      const { clock, random, store, reader } = this.#parts
      if (this.#runners.has(draft.name)) return { kind: 'exists' }
      if (this.#runners.size >= SINKS_MAX) return { kind: 'too-many' }
      const now = clock.wall()
      const { name, kind, address, filter, view, authorities, client, headers, from } = draft
      const signing = kind === 'webhook' ? [newSecret(random(SECRET_BYTES), now)] : []
      const sink: Sink = {
        name,
        kind,
        address,
        filter,
        ...(view === undefined ? {} : { view }),
        ...(authorities === undefined ? {} : { authorities }),
        isEnabled: true,
        allowPrivate: false,
        secrets: { signing, headers: headers ?? {}, ...(client === undefined ? {} : { client }) },
        etag: this.#etag(),
        createdTime: now,
        updatedTime: now,
      }
      const faults = faultsOfSink(sink)
      if (faults.length > 0) return { kind: 'invalid', faults }
      const cursor = from === 'start' ? 0 : await reader.readSize()
      const because = this.#event('sink.created', name, actor, { kind, address, filter: JSON.stringify(filter) })
      const outcome = await store.writeSink(sink, { expected: { kind: 'absent' }, cursor }, because)
      if (outcome !== 'written') return { kind: 'exists' }
      return this.#done(this.#run(sink, { cursor, setAside: 0 }), signing[0])
    })
  }

  /** @param etag undefined: whatever it is now. */
  change(
    name: string,
    edit: SinkEdit,
    by: { readonly actor: string; readonly etag: string | undefined },
  ): Promise<SinkOutcome> {
    return this.#rewrite(name, by, (sink) => {
      const { address = sink.address, filter = sink.filter, isEnabled = sink.isEnabled } = edit
      const { authorities: _authorities, view: _view, secrets, ...rest } = sink
      const { client: _client, ...kept } = secrets
      const authorities = edit.authorities === undefined ? sink.authorities : (edit.authorities ?? undefined)
      const client = edit.client === undefined ? secrets.client : (edit.client ?? undefined)
      const headers = edit.headers === undefined ? secrets.headers : (edit.headers ?? {})
      // A filter that is told is no view's any more.
      const view = edit.view ?? (edit.filter === undefined ? sink.view : undefined)
      return {
        type: 'sink.changed',
        detail: { changed: Object.keys(edit).join(' '), address },
        sink: {
          ...rest,
          address,
          filter,
          isEnabled,
          // What was said of an address holds for no other.
          allowPrivate: sink.allowPrivate && isSamePlace(sink.address, address),
          ...(view === undefined ? {} : { view }),
          ...(authorities === undefined ? {} : { authorities }),
          secrets: { ...kept, headers, ...(client === undefined ? {} : { client }) },
        },
      }
    })
  }

  allowPrivate(name: string, allowed: boolean, actor: string): Promise<SinkOutcome> {
    return this.#rewrite(name, { actor, etag: undefined }, (sink) => ({
      type: 'sink.private-set',
      detail: { allowed, address: sink.address },
      sink: { ...sink, allowPrivate: allowed },
    }))
  }

  /** The new secret is told this once. */
  async rotate(
    name: string,
    { actor, overlapMs = OVERLAP_MS }: { readonly actor: string; readonly overlapMs?: number },
  ): Promise<SinkOutcome> {
    const now = this.#parts.clock.wall()
    const next = newSecret(this.#parts.random(SECRET_BYTES), now)
    let refusal: SinkRefusal | undefined
    const outcome = await this.#rewrite(name, { actor, etag: undefined }, (sink) => {
      const signing = rotated(sink.secrets.signing, { next, overlapMs, now })
      if (sink.kind !== 'webhook') refusal = { kind: 'not-a-webhook' }
      else if (signing === undefined) refusal = { kind: 'too-many-secrets' }
      if (refusal !== undefined || signing === undefined) return undefined
      return {
        type: 'sink.secret-rotated',
        detail: { overlapSeconds: Math.round(overlapMs / 1_000) },
        sink: { ...sink, secrets: { ...sink.secrets, signing } },
      }
    })
    return refusal ?? (outcome.kind === 'done' ? { ...outcome, secret: formatSecret(next) } : outcome)
  }

  remove(
    name: string,
    by: { readonly actor: string; readonly etag: string | undefined },
  ): Promise<{ readonly kind: 'done' } | SinkRefusal> {
    return this.#inTurn(async () => {
      const runner = this.#runners.get(name)
      if (runner === undefined) return { kind: 'missing' }
      const { etag, address } = runner.sink
      if (by.etag !== undefined && by.etag !== etag) return { kind: 'etag-mismatch' }
      const because = this.#event('sink.deleted', name, by.actor, { address })
      if ((await this.#parts.store.deleteSink(name, etag, because)) !== 'deleted') return { kind: 'etag-mismatch' }
      this.#runners.delete(name)
      this.#parts.setNotice(noticeOf(name), undefined)
      await runner.stop()
      return { kind: 'done' }
    })
  }

  listSetAside(
    name: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredSetAside[]> {
    return this.#parts.store.listSetAside(name, page)
  }

  /** Sends the oldest of what was set aside again, piece by piece. */
  retry(
    name: string,
    actor: string,
  ): Promise<{ readonly kind: 'done'; readonly taken: number; readonly left: number } | SinkRefusal> {
    return this.#inTurn(async () => {
      const runner = this.#runners.get(name)
      if (runner === undefined) return { kind: 'missing' }
      const waiting = await this.#parts.store.listSetAside(name, { after: 0, limit: RETRY_MAX })
      const taken: number[] = []
      for (const piece of waiting) if (await this.#isTakenNow(runner.sink, piece)) taken.push(piece.sequence)
      const left = runner.setAside - taken.length
      const because = this.#event('sink.retried', name, actor, { taken: taken.length, left })
      await this.#release(runner, taken, because)
      return { kind: 'done', taken: taken.length, left: runner.setAside }
    })
  }

  /** Gives up what was set aside so far; who did is in the log. */
  dismiss(name: string, actor: string): Promise<{ readonly kind: 'done'; readonly dismissed: number } | SinkRefusal> {
    return this.#inTurn(async () => {
      const runner = this.#runners.get(name)
      if (runner === undefined) return { kind: 'missing' }
      const waiting = await this.#parts.store.listSetAside(name, { after: 0, limit: 1_000 })
      const count = waiting.reduce((sum, piece) => sum + piece.count, 0)
      const sequences = waiting.map(({ sequence }) => sequence)
      await this.#release(runner, sequences, this.#event('sink.dismissed', name, actor, { count }))
      return { kind: 'done', dismissed: count }
    })
  }

  async #release(runner: SinkRunner, sequences: readonly number[], because: SecurityEvent): Promise<void> {
    const { name } = runner.sink
    const removed = await this.#parts.store.removeSetAside(name, sequences, because)
    runner.released(runner.setAside - removed)
    this.#notice(runner)
  }

  async #isTakenNow(sink: Sink, { first, last }: StoredSetAside): Promise<boolean> {
    const { clock, reader, send } = this.#parts
    const read = await reader.readEntries(first, last - first + 1)
    const entries = read.filter(matcher(sink.filter))
    if (entries.length === 0) return true
    const { signal } = this.#ended
    return (await send(sink, { entries, attempt: 0, now: clock.wall(), signal })).kind === 'taken'
  }

  /** Writes a sink anew, and has it go on from where it was as it is now. */
  #rewrite(
    name: string,
    { actor, etag }: { readonly actor: string; readonly etag: string | undefined },
    change: (
      sink: Sink,
    ) =>
      | { readonly type: SecurityEvent['type']; readonly detail: SecurityEvent['detail']; readonly sink: Sink }
      | undefined,
  ): Promise<SinkOutcome> {
    return this.#inTurn(async () => {
      const runner = this.#runners.get(name)
      if (runner === undefined) return { kind: 'missing' }
      if (etag !== undefined && etag !== runner.sink.etag) return { kind: 'etag-mismatch' }
      const changed = change(runner.sink)
      if (changed === undefined) return { kind: 'etag-mismatch' }
      const sink: Sink = { ...changed.sink, etag: this.#etag(), updatedTime: this.#parts.clock.wall() }
      const faults = faultsOfSink(sink)
      if (faults.length > 0) return { kind: 'invalid', faults }
      const expected = { kind: 'etag', etag: runner.sink.etag } as const
      const because = this.#event(changed.type, name, actor, changed.detail)
      const outcome = await this.#parts.store.writeSink(sink, { expected, cursor: 0 }, because)
      if (outcome !== 'written') return { kind: 'etag-mismatch' }
      await runner.stop()
      const successor = this.#run(sink, { cursor: runner.delivery.cursor, setAside: runner.setAside })
      successor.lastTaken = runner.lastTaken
      this.#notice(successor)
      return this.#done(successor)
    })
  }

  #run(sink: Sink, at: { readonly cursor: number; readonly setAside: number }): SinkRunner {
    const { clock, reader, store, send, random, events, fault } = this.#parts
    const runner: SinkRunner = new SinkRunner(sink, at, {
      clock,
      reader,
      store,
      send,
      fault,
      told: events,
      changed: () => this.#notice(runner),
      chance: () => (random(1)[0] ?? 0) / 255,
    })
    this.#runners.set(sink.name, runner)
    if (at.setAside > 0) this.#notice(runner)
    if (this.#timer !== undefined && sink.isEnabled) runner.wake()
    return runner
  }

  async #done(runner: SinkRunner, secret?: SigningSecret): Promise<SinkOutcome> {
    const shown = await this.#show(runner, await this.#parts.reader.readSize())
    return { kind: 'done', shown, ...(secret === undefined ? {} : { secret: formatSecret(secret) }) }
  }

  async #show(runner: SinkRunner, size: number): Promise<SinkShown> {
    const { sink, delivery, setAside, lastTaken } = runner
    const { cursor, failures, reason } = delivery
    const backlog = Math.max(0, size - cursor)
    const first = backlog === 0 ? undefined : (await this.#parts.reader.readEntries(cursor, 1))[0]
    return {
      sink,
      state: stateOf(runner, backlog),
      failures,
      reason,
      lastTaken,
      cursor,
      backlog,
      backlogSince: first?.at,
      setAside,
    }
  }

  #notice(runner: SinkRunner): void {
    const { sink, delivery, setAside } = runner
    if (this.#runners.get(sink.name) !== runner) return
    this.#parts.setNotice(noticeOf(sink.name), noticeTextOf(sink, { ...pick(delivery), setAside }))
  }

  #event(type: SecurityEvent['type'], name: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `sink/${name}`, actor, detail }
  }

  #etag(): string {
    return Buffer.from(this.#parts.random(12)).toString('hex')
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

function pick({ isFailing, isHeld, reason }: SinkRunner['delivery']): {
  isFailing: boolean
  isHeld: boolean
  reason: string | undefined
} {
  return { isFailing, isHeld, reason }
}

function stateOf({ sink, delivery, isBusy }: SinkRunner, backlog: number): SinkShown['state'] {
  if (!sink.isEnabled) return 'paused'
  if (delivery.isHeld) return 'held'
  if (delivery.failures > 0) return 'failing'
  return backlog > 0 || isBusy ? 'sending' : 'current'
}

function noticeOf(name: string): string {
  return `sink-${name}`
}

function noticeTextOf(
  { name, isEnabled }: Sink,
  now: {
    readonly isFailing: boolean
    readonly isHeld: boolean
    readonly reason: string | undefined
    readonly setAside: number
  },
): { readonly detail: string; readonly advice: string } | undefined {
  const look = `see 'holdfast audit sink show ${name}'`
  if (!isEnabled) return undefined
  if (now.isHeld) {
    const detail = `the receiver ${name} refuses events for good, and as many are set aside as may be`
    return { detail, advice: `${look}; correct the receiver, then 'holdfast audit sink retry ${name}'` }
  }
  if (now.isFailing) {
    return {
      detail: `events do not reach the receiver ${name}: ${now.reason ?? 'it does not answer'}`,
      advice: `${look}; they wait`,
    }
  }
  if (now.setAside === 0) return undefined
  const detail = `the receiver ${name} has refused events for good, which are set aside`
  return { detail, advice: `${look}; 'holdfast audit sink retry ${name}' sends them again, 'dismiss' gives them up` }
}
