/**
 * What a front remembers of addresses whose connections ended badly before they were admitted: floods are turned away
 * before they are listened to, and told to the core as counts. Connections that were admitted are never touched.
 */

import { type Instant, later, LruMap } from '@holdfast/base'
import type { CloseReason, FrontToCore } from './front-messages.ts'

/** Addresses remembered; one more forgets the one that was quiet longest, which then starts with a full allowance. */
const ADDRESSES_MAX = 16_384
/** Different reports held until the next flush; more are flushed early. */
const REPORTS_MAX = 1_024
/** Reports of one address and reason are told at most this often, in milliseconds. */
const FLUSH_MS = 1_000

type TurnedAway = Extract<FrontToCore, { readonly kind: 'turned-away' }>

interface Source {
  tokens: number
  at: Instant
}

export class AddressGuard {
  readonly #rate: { readonly perSecond: number; readonly burst: number }
  readonly #tell: (report: TurnedAway) => void
  readonly #sources = new LruMap<string, Source>(ADDRESSES_MAX)
  readonly #reports = new Map<string, TurnedAway>()
  #flushAt: Instant | undefined
  #flushedAt: Instant | undefined

  /** @param rate bad endings an address may have before it is turned away unheard. */
  constructor(rate: { readonly perSecond: number; readonly burst: number }, tell: (report: TurnedAway) => void) {
    this.#rate = rate
    this.#tell = tell
  }

  /** When to call `flush`. */
  get deadline(): Instant | undefined {
    return this.#flushAt
  }

  /** True when a new connection from there is to be closed unheard. */
  isBlocked(address: string, now: Instant): boolean {
    const source = this.#sources.get(sourceOf(address))
    if (source === undefined) return false
    this.#refill(source, now)
    return source.tokens < 1
  }

  /** A connection from there ended badly before it was admitted. */
  blame(address: string, now: Instant): void {
    const key = sourceOf(address)
    let source = this.#sources.get(key)
    if (source === undefined) {
      source = { tokens: this.#rate.burst, at: now }
      this.#sources.set(key, source)
    }
    this.#refill(source, now)
    source.tokens = Math.max(0, source.tokens - 1)
  }

  /** Tells the core, at once or with others of its kind. */
  report(address: string, end: { readonly reason: CloseReason; readonly detail: string }, now: Instant): void {
    const key = `${sourceOf(address)} ${end.reason}`
    const held = this.#reports.get(key)
    if (held === undefined && this.#reports.size >= REPORTS_MAX) this.#tellAll(now)
    this.#reports.set(key, { kind: 'turned-away', address, ...end, count: (held?.count ?? 0) + 1 })
    this.#flushAt ??= this.#flushedAt === undefined ? now : later(this.#flushedAt, FLUSH_MS)
  }

  /** Tells what is due. */
  flush(now: Instant): void {
    if (this.#flushAt !== undefined && now >= this.#flushAt) this.#tellAll(now)
  }

  #tellAll(now: Instant): void {
    for (const report of this.#reports.values()) this.#tell(report)
    this.#reports.clear()
    this.#flushAt = undefined
    this.#flushedAt = now
  }

  #refill(source: Source, now: Instant): void {
    const gained = ((now - source.at) / 1000) * this.#rate.perSecond
    source.tokens = Math.min(this.#rate.burst, source.tokens + gained)
    source.at = now
  }
}

/**
 * Who an address stands for: IPv4 itself, IPv6 its /64, which is what one customer is given (RFC 6177), so that nobody
 * is a new stranger with every packet.
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length
    while (before.length + after < 8 && before.length < 4) before.push('0')
  }
  return before.slice(0, 4).join(':')
}
