/**
 * A queue whose messages are looked at under a lock, and leave when they are settled. The machine: what stands where in
 * the order, who has which lock until when. It holds no contents and does no writing; its owner does, and says how that
 * went, so that what is on disk and what is here never part.
 *
 * An entry is `ready` → (`take`) → locked → (`begin`) → settling → `remove` (gone), `free` (ready again) or `restore`
 * (the write failed: locked as before). A lock that ends, or is released, makes it ready at its old place.
 */

import { type Instant, instantOf, type Timestamp } from '@holdfast/base'

export interface QueueEntry {
  /** Order and name of the message. */
  readonly sequence: number
  readonly expires: Timestamp
  /** Deliveries that ended by being abandoned. */
  readonly deliveryCount: number
}

interface Held {
  entry: QueueEntry
  state: 'ready' | 'locked' | 'settling'
  token: string
  until: Instant
}

const NEVER = instantOf(Number.POSITIVE_INFINITY)

export class PeekLockQueue {
  /** By sequence, ascending; its owner bounds how many are added. */
  readonly #order: Held[] = []
  /** Made when the first lock is: most queues are those of devices for whom nothing waits. */
  #byToken: Map<string, Held> | undefined

  get size(): number {
    return this.#order.length
  }

  /** The highest sequence here; 0 when there is none. */
  get last(): number {
    return this.#order.at(-1)?.entry.sequence ?? 0
  }

  /** Whether nothing is locked or being settled: forgetting the machine then loses nothing. */
  get isAtRest(): boolean {
    return this.#order.every((held) => held.state === 'ready')
  }

  /** When the first lock ends. */
  get deadline(): Instant {
    let first = NEVER
    for (const held of this.#byToken?.values() ?? [])
      if (held.state === 'locked' && held.until < first) first = held.until
    return first
  }

  /** Puts it at its place; false when it is here already. */
  add({ sequence, expires, deliveryCount }: QueueEntry): boolean {
    const entry = { sequence, expires, deliveryCount }
    const at = this.#placeOf(entry.sequence)
    if (this.#order[at]?.entry.sequence === entry.sequence) return false
    this.#order.splice(at, 0, { entry, state: 'ready', token: '', until: NEVER })
    return true
  }

  has(sequence: number): boolean {
    return this.#find(sequence) !== undefined
  }

  /** Whether `take` would give something. */
  isReady(wall: Timestamp): boolean {
    return this.#order.some((held) => held.state === 'ready' && held.entry.expires > wall)
  }

  /** Locks the first that is ready and has not expired, under `token`, which was never used before. */
  take(token: string, lock: { readonly wall: Timestamp; readonly until: Instant }): QueueEntry | undefined {
    const held = this.#order.find((one) => one.state === 'ready' && one.entry.expires > lock.wall)
    if (held === undefined) return undefined
    this.#byToken ??= new Map()
    if (this.#byToken.has(token)) throw new TypeError('a lock token is used twice')
    held.state = 'locked'
    held.token = token
    held.until = lock.until
    this.#byToken.set(token, held)
    return held.entry
  }

  /** The lock ends at `until` from now on; false when it is lost. */
  renew(token: string, now: Instant, until: Instant): boolean {
    const held = this.#locked(token, now)
    if (held === undefined) return false
    held.until = until
    return true
  }

  /** Whether the lock of this token is there, or what it was for is being settled. */
  holds(token: string): boolean {
    return this.#byToken?.has(token) === true
  }

  /** Gives the lock back; not counted as a delivery. False when it is lost, or being settled. */
  release(token: string): boolean {
    const held = this.#byToken?.get(token)
    if (held?.state !== 'locked') return false
    this.#ready(held)
    return true
  }

  /** The holder of the lock settles: nothing else happens to the entry until its owner says how the write went. */
  begin(token: string, now: Instant): QueueEntry | undefined {
    const held = this.#locked(token, now)
    if (held === undefined) return undefined
    held.state = 'settling'
    return held.entry
  }

  /**
   * The owner wants to end it itself (it has expired). False when somebody holds or settles it; true when it is the
   * owner's now, and also when it is not here.
   */
  claim(sequence: number): boolean {
    const held = this.#find(sequence)
    if (held === undefined) return true
    if (held.state !== 'ready') return false
    held.state = 'settling'
    return true
  }

  /** It is gone from the disk, whatever it was here. */
  remove(sequence: number): boolean {
    const at = this.#placeOf(sequence)
    const held = this.#order[at]
    if (held?.entry.sequence !== sequence) return false
    this.#byToken?.delete(held.token)
    this.#order.splice(at, 1)
    return true
  }

  /** It stays, and is ready again. */
  free(sequence: number, deliveryCount?: number): void {
    const held = this.#find(sequence)
    if (held === undefined) return
    if (deliveryCount !== undefined) held.entry = { ...held.entry, deliveryCount }
    this.#ready(held)
  }

  /** The write failed: locked as it was, and its token may try again; what the owner had claimed is ready again. */
  restore(sequence: number): void {
    const held = this.#find(sequence)
    if (held?.state !== 'settling') return
    if (held.token === '') held.state = 'ready'
    else held.state = 'locked'
  }

  /** Frees what was locked until `now` or before; true when there was any. */
  unlockDue(now: Instant): boolean {
    let any = false
    for (const held of this.#byToken?.values() ?? []) {
      if (held.state !== 'locked' || held.until > now) continue
      this.#ready(held)
      any = true
    }
    return any
  }

  /** Forgets what has expired and is not locked; how many it were. */
  dropExpired(wall: Timestamp): number {
    const gone = this.#order.filter((held) => held.state === 'ready' && held.entry.expires <= wall)
    for (const { entry } of gone) this.remove(entry.sequence)
    return gone.length
  }

  #ready(held: Held): void {
    this.#byToken?.delete(held.token)
    held.state = 'ready'
    held.token = ''
    held.until = NEVER
  }

  #locked(token: string, now: Instant): Held | undefined {
    const held = this.#byToken?.get(token)
    return held?.state === 'locked' && held.until > now ? held : undefined
  }

  #find(sequence: number): Held | undefined {
    const held = this.#order[this.#placeOf(sequence)]
    return held?.entry.sequence === sequence ? held : undefined
  }

  /** Where it stands, or would. Most come at the end. */
  #placeOf(sequence: number): number {
    let low = 0
    let high = this.#order.length
    if (this.last < sequence) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#order[middle]?.entry.sequence ?? 0) < sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}
