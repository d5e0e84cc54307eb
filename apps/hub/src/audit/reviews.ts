/** Reviews of the log: opened by hand or by plan, drawn once, signed by people, told where they are overdue. */

import type { EventType, SecurityEvent } from '@holdfast/audit'
import { type Clock, formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import {
  type Cadence,
  digestOf,
  type EntryReader,
  type EventFilter,
  type Finding,
  FINDINGS_MAX,
  type LogEntry,
  matcher,
  nextOf,
  overdueOf,
  type Plan,
  PLANS_MAX,
  type Review,
  REVIEW_ENTRIES_MAX,
  type ReviewKind,
  type ReviewRecord,
  type ReviewStore,
  REVIEWS_OPEN_MAX,
  Sampling,
  signedBy,
  type View,
  VIEWS_MAX,
} from '@holdfast/review'

const DAY_MS = 86_400_000
/** Records of one call to the store. */
const PAGE_RECORDS = 1_000
/** Entries looked at in one step of a drawing. */
const STEP_ENTRIES = 500

export interface ReviewsParts {
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly store: ReviewStore
  readonly reader: EntryReader
  /** @param notice undefined: the reason is gone. */
  readonly setNotice: (code: string, notice: { readonly detail: string; readonly advice: string } | undefined) => void
  readonly fault: (error: unknown) => void
}

export type ReviewRefusal =
  | 'missing'
  | 'etag-mismatch'
  | 'too-many'
  | 'not-drawn'
  | 'not-open'
  | 'nothing-to-sign'
  | 'entry-not-in-sample'
  | 'already-closed'

/** What was asked for is not so; told to whoever asked. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError'
  readonly code: ReviewRefusal

  constructor(code: ReviewRefusal) {
    super(code)
    this.code = code
  }
}

export interface ReviewWish {
  readonly filter: EventFilter
  readonly size: number
  readonly dueDays: number
  readonly role: string
  readonly escalatesTo: string
}

export interface PlanWish extends ReviewWish {
  readonly view?: string
  readonly every: Cadence
  readonly anchor: Timestamp
}

interface By {
  readonly actor: string
}

export class Reviews {
  readonly #parts: ReviewsParts
  #turn: Promise<unknown> = Promise.resolve()
  readonly #ended = new AbortController()
  readonly #drawing = new Set<string>()

  constructor(parts: ReviewsParts) {
    this.#parts = parts
  }

  views(): Promise<readonly View[]> {
    return this.#all<View>('view')
  }

  async view(name: string): Promise<View | undefined> {
    return this.#read<View>('view', name)
  }

  /** @param etag undefined: whatever it is now, or nothing. */
  saveView(
    name: string,
    filter: EventFilter,
    { actor, etag }: By & { readonly etag: string | undefined },
  ): Promise<View> {
    return this.#inTurn(async () => {
      const now = await this.view(name)
      expect(now, etag)
      if (now === undefined && (await this.views()).length >= VIEWS_MAX) throw new ReviewError('too-many')
      const view: View = { name, filter, etag: this.#etag(), updatedTime: this.#parts.clock.wall() }
      const type = now === undefined ? 'view.created' : 'view.changed'
      await this.#put(
        [recordOf('view', name, true, view)],
        [this.#event(type, `view/${name}`, actor, { filter: JSON.stringify(filter) })],
      )
      return view
    })
  }

  removeView(name: string, { actor, etag }: By & { readonly etag: string | undefined }): Promise<void> {
    return this.#inTurn(async () => {
      const now = await this.view(name)
      if (now === undefined) throw new ReviewError('missing')
      expect(now, etag)
      const because = this.#event('view.deleted', `view/${name}`, actor, {})
      await this.#parts.store.changeReviewRecords({ put: [], remove: [{ kind: 'view', id: name }] }, because)
    })
  }

  plans(): Promise<readonly Plan[]> {
    return this.#all<Plan>('plan')
  }

  async plan(name: string): Promise<Plan | undefined> {
    return this.#read<Plan>('plan', name)
  }

  /** A plan that is changed goes on where it was: what is not reviewed yet is in its next review. */
  savePlan(name: string, wish: PlanWish, { actor, etag }: By & { readonly etag: string | undefined }): Promise<Plan> {
    return this.#inTurn(async () => {
      const { clock, reader } = this.#parts
      const now = await this.plan(name)
      expect(now, etag)
      if (now === undefined && (await this.plans()).length >= PLANS_MAX) throw new ReviewError('too-many')
      const nextTime = nextOf(wish.every, wish.anchor, clock.wall())
      const nextEntry = now?.nextEntry ?? (await reader.readSize())
      const plan: Plan = { name, ...wish, nextTime, nextEntry, etag: this.#etag() }
      const { nextTime: _time, nextEntry: _entry, etag: _etag, ...told } = plan
      const type = now === undefined ? 'review-plan.created' : 'review-plan.changed'
      await this.#put(
        [recordOf('plan', name, true, plan)],
        [this.#event(type, `review-plan/${name}`, actor, { plan: JSON.stringify(told) })],
      )
      return plan
    })
  }

  removePlan(name: string, { actor, etag }: By & { readonly etag: string | undefined }): Promise<void> {
    return this.#inTurn(async () => {
      const now = await this.plan(name)
      if (now === undefined) throw new ReviewError('missing')
      expect(now, etag)
      const because = this.#event('review-plan.deleted', `review-plan/${name}`, actor, {})
      await this.#parts.store.changeReviewRecords({ put: [], remove: [{ kind: 'plan', id: name }] }, because)
    })
  }

  /** By id, which begins with the day. */
  async list(page: {
    readonly isOpen?: boolean
    readonly after?: string
    readonly limit: number
  }): Promise<readonly Review[]> {
    const records = await this.#parts.store.listReviewRecords({ kind: 'review', ...page })
    return records.map(({ document }) => JSON.parse(document) as Review)
  }

  async show(id: string): Promise<Review> {
    const review = await this.#read<Review>('review', id)
    if (review === undefined) throw new ReviewError('missing')
    return review
  }

  /** The entries of the sample, as the log has them now. */
  async entriesOf(review: Review): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = []
    for (const index of review.sample) entries.push(...(await this.#parts.reader.readEntries(index, 1)))
    return entries
  }

  /** Opens a review of what is in the log from `first` on; its sample is drawn by itself. */
  start(wish: ReviewWish & { readonly first: number }, { actor }: By): Promise<Review> {
    return this.#inTurn(() => this.#open(wish, { actor }))
  }

  /** Signs for what is left of the sample and was not done by whoever signs. */
  sign(
    id: string,
    { actor, statement }: By & { readonly statement: string },
  ): Promise<{ readonly review: Review; readonly signed: number; readonly left: number }> {
    return this.#inTurn(async () => {
      const review = await this.show(id)
      if (review.state === 'drawing') throw new ReviewError('not-drawn')
      if (review.state !== 'open') throw new ReviewError('not-open')
      const actors = new Map((await this.entriesOf(review)).map(({ index, body }) => [index, body?.actor]))
      const time = this.#parts.clock.wall()
      const done = signedBy(review, { by: actor, time, statement }, (index) => actors.get(index))
      if (done === undefined) throw new ReviewError('nothing-to-sign')
      const { signed, left, sha256 } = done
      const subject = `review/${id}`
      const events = [this.#event('review.signed', subject, actor, { entries: signed, left, sha256, statement })]
      if (left === 0) {
        const { signatures, findings } = done.review
        events.push(this.#event('review.completed', subject, actor, { signatures: signatures.length, findings }))
      }
      await this.#put([recordOf('review', id, left > 0, done.review)], events)
      return { review: done.review, signed, left }
    })
  }

  abandon(id: string, { actor, reason }: By & { readonly reason: string }): Promise<Review> {
    return this.#inTurn(async () => {
      const review = await this.show(id)
      if (review.state !== 'open' && review.state !== 'drawing') throw new ReviewError('not-open')
      const abandoned: Review = { ...review, state: 'abandoned' }
      await this.#put(
        [recordOf('review', id, false, abandoned)],
        [this.#event('review.abandoned', `review/${id}`, actor, { reason })],
      )
      return abandoned
    })
  }

  async findings(page: {
    readonly isOpen?: boolean
    readonly after?: string
    readonly limit: number
  }): Promise<readonly Finding[]> {
    const records = await this.#parts.store.listReviewRecords({ kind: 'finding', ...page })
    return records.map(({ document }) => JSON.parse(document) as Finding)
  }

  /** @param found `owner` is there; whoever asks has seen to it. */
  openFinding(
    reviewId: string,
    found: Pick<Finding, 'text' | 'owner' | 'until'> & { readonly entry?: number },
    { actor }: By,
  ): Promise<Finding> {
    return this.#inTurn(async () => {
      const review = await this.show(reviewId)
      const { entry, text, owner, until } = found
      if (entry !== undefined && !review.sample.includes(entry)) throw new ReviewError('entry-not-in-sample')
      if (review.findings >= FINDINGS_MAX) throw new ReviewError('too-many')
      const openedTime = this.#parts.clock.wall()
      const finding: Finding = { id: this.#id(openedTime), review: reviewId, ...found, openedBy: actor, openedTime }
      const detail = {
        review: reviewId,
        owner,
        until: formatTimestamp(until),
        text,
        ...(entry === undefined ? {} : { entry }),
      }
      const isOpen = review.state === 'open' || review.state === 'drawing'
      await this.#put(
        [
          recordOf('finding', finding.id, true, finding),
          recordOf('review', reviewId, isOpen, { ...review, findings: review.findings + 1 }),
        ],
        [this.#event('finding.opened', `finding/${finding.id}`, actor, detail)],
      )
      return finding
    })
  }

  closeFinding(id: string, { actor, note }: By & { readonly note: string }): Promise<Finding> {
    return this.#inTurn(async () => {
      const finding = await this.#read<Finding>('finding', id)
      if (finding === undefined) throw new ReviewError('missing')
      if (finding.closed !== undefined) throw new ReviewError('already-closed')
      const closed: Finding = { ...finding, closed: { by: actor, time: this.#parts.clock.wall(), note } }
      await this.#put(
        [recordOf('finding', id, false, closed)],
        [this.#event('finding.closed', `finding/${id}`, actor, { review: finding.review, note })],
      )
      await this.#notice()
      return closed
    })
  }

  /** Opens what the plans ask for, draws what was not drawn, tells what is overdue. To be called every minute. */
  async upkeep(): Promise<void> {
    for (const plan of await this.plans()) if (plan.nextTime <= this.#parts.clock.wall()) await this.#follow(plan.name)
    const open = await this.list({ isOpen: true, limit: PAGE_RECORDS })
    for (const { id, state } of open) if (state === 'drawing') await this.#draw(id)
    for (const { id } of open) await this.#inTurn(() => this.#tellOverdue(id))
    for (const finding of await this.findings({ isOpen: true, limit: PAGE_RECORDS })) await this.#tellFinding(finding)
    await this.#notice()
  }

  /** Nothing is drawn any more; what was not is drawn after the next start. */
  async end(): Promise<void> {
    this.#ended.abort()
    await this.#turn
  }

  /** However long the hub stood still, one review covers all that came since the last. */
  #follow(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const plan = await this.plan(name)
      const now = this.#parts.clock.wall()
      if (plan === undefined || plan.nextTime > now) return
      const entries = await this.#parts.reader.readSize()
      const nextTime = nextOf(plan.every, plan.anchor, now)
      const next = recordOf('plan', name, true, { ...plan, nextTime, nextEntry: entries })
      try {
        await this.#open({ ...plan, first: plan.nextEntry, entries }, { actor: 'hub', plan: name, also: next })
      } catch (error) {
        // It stays due: what is open is overdue and told.
        if (!(error instanceof ReviewError)) throw error
      }
    })
  }

  async #open(
    wish: ReviewWish & { readonly first: number; readonly entries?: number },
    { actor, plan, also }: By & { readonly plan?: string; readonly also?: ReviewRecord },
  ): Promise<Review> {
    const { clock, random, reader } = this.#parts
    const open = await this.list({ isOpen: true, limit: REVIEWS_OPEN_MAX })
    if (open.length >= REVIEWS_OPEN_MAX) throw new ReviewError('too-many')
    const openedTime = clock.wall()
    const entries = wish.entries ?? (await reader.readSize())
    const { filter, size, role, escalatesTo } = wish
    const review: Review = {
      id: this.#id(openedTime),
      ...(plan === undefined ? {} : { plan }),
      filter,
      size,
      role,
      escalatesTo,
      // What is too much for one review is left out at its older end, and `first` says so.
      first: Math.max(wish.first, entries - REVIEW_ENTRIES_MAX),
      entries,
      seed: Buffer.from(random(16)).toString('hex'),
      openedTime,
      due: timestampOf(openedTime + wish.dueDays * DAY_MS),
      state: 'drawing',
      sample: [],
      signatures: [],
      findings: 0,
    }
    const detail = {
      ...(plan === undefined ? {} : { plan }),
      filter: JSON.stringify(filter),
      seed: review.seed,
      size,
      entries,
      due: formatTimestamp(review.due),
    }
    const put = [recordOf('review', review.id, true, review), ...(also === undefined ? [] : [also])]
    await this.#put(put, [this.#event('review.opened', `review/${review.id}`, actor, detail)])
    // Not waited for: there may be millions to look at.
    void this.#draw(review.id).catch((error: unknown) => this.#parts.fault(error))
    return review
  }

  /** Once: the sample is fixed from then on. What is drawn follows from the seed, so that a draw may be begun again. */
  async #draw(id: string): Promise<void> {
    if (this.#drawing.has(id)) return
    this.#drawing.add(id)
    try {
      const { filter, seed, size, first, entries } = await this.show(id)
      const sampling = new Sampling(seed, size)
      const matches = matcher(filter)
      for (let at = first; at < entries; at += STEP_ENTRIES) {
        if (this.#ended.signal.aborted) return
        const read = await this.#parts.reader.readEntries(at, Math.min(STEP_ENTRIES, entries - at))
        for (const entry of read) if (matches(entry)) sampling.offer(entry)
      }
      const sample = sampling.drawn()
      const { matching } = sampling
      await this.#inTurn(async () => {
        const review = await this.show(id)
        if (review.state !== 'drawing') return
        const detail = { matching, drawn: sample.length, sha256: digestOf(sample) }
        await this.#put(
          [recordOf('review', id, true, { ...review, state: 'open', matching, sample })],
          [this.#event('review.drawn', `review/${id}`, 'hub', detail)],
        )
      })
    } finally {
      this.#drawing.delete(id)
    }
  }

  async #tellOverdue(id: string): Promise<void> {
    const review = await this.show(id)
    const told = overdueOf(review, this.#parts.clock.wall())
    if (told === undefined) return
    const role = told === 'overdue' ? review.role : review.escalatesTo
    const type = told === 'overdue' ? 'review.overdue' : 'review.escalated'
    await this.#put(
      [recordOf('review', id, true, { ...review, told })],
      [this.#event(type, `review/${id}`, 'hub', { due: formatTimestamp(review.due), role })],
    )
  }

  async #tellFinding(known: Finding): Promise<void> {
    if (known.isOverdueTold === true || this.#parts.clock.wall() <= known.until) return
    await this.#inTurn(async () => {
      const finding = await this.#read<Finding>('finding', known.id)
      if (finding === undefined || finding.closed !== undefined) return
      const { id, review, owner, until } = finding
      const detail = { review, owner, until: formatTimestamp(until) }
      await this.#put(
        [recordOf('finding', id, true, { ...finding, isOverdueTold: true })],
        [this.#event('finding.overdue', `finding/${id}`, 'hub', detail)],
      )
    })
  }

  async #notice(): Promise<void> {
    const reviews = (await this.list({ isOpen: true, limit: PAGE_RECORDS })).filter(({ told }) => told !== undefined)
    const findings = (await this.findings({ isOpen: true, limit: PAGE_RECORDS })).filter((one) => one.isOverdueTold)
    const isAll = reviews.length === 0 && findings.length === 0
    const roles = new Set(reviews.map(({ told, role, escalatesTo }) => (told === 'escalated' ? escalatesTo : role)))
    const who = [...roles, ...new Set(findings.map(({ owner }) => owner))].join(', ')
    this.#parts.setNotice(
      'reviews-overdue',
      isAll
        ? undefined
        : {
            detail: `overdue are ${reviews.length} reviews of the audit log and ${findings.length} findings; it is on ${who}`,
            advice: "see 'holdfast audit review list' and 'holdfast audit review findings'",
          },
    )
  }

  async #all<T>(kind: ReviewKind): Promise<readonly T[]> {
    const records = await this.#parts.store.listReviewRecords({ kind, limit: PAGE_RECORDS })
    return records.map(({ document }) => JSON.parse(document) as T)
  }

  /** What `#put` wrote, and nobody else could seal. */
  async #read<T>(kind: ReviewKind, id: string): Promise<T | undefined> {
    const record = await this.#parts.store.readReviewRecord(kind, id)
    return record && (JSON.parse(record.document) as T)
  }

  #put(put: readonly ReviewRecord[], because: readonly SecurityEvent[]): Promise<void> {
    return this.#parts.store.changeReviewRecords({ put, remove: [] }, because)
  }

  #event(type: EventType, subject: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject, actor, detail }
  }

  #id(now: Timestamp): string {
    const day = formatTimestamp(now).slice(0, 10).replaceAll('-', '')
    return `${day}-${Buffer.from(this.#parts.random(5)).toString('hex')}`
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

function recordOf(kind: ReviewKind, id: string, isOpen: boolean, value: object): ReviewRecord {
  return { kind, id, isOpen, document: JSON.stringify(value) }
}

function expect(now: { readonly etag: string } | undefined, etag: string | undefined): void {
  if (etag !== undefined && now?.etag !== etag) throw new ReviewError('etag-mismatch')
}
