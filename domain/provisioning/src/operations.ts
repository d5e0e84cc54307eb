/** The operations under way and lately done: bounded, and forgotten after OPERATION_LIFETIME_MS. */

import type { Instant } from '@holdfast/base'
import type { RegistrationId, RegistrationState } from '@holdfast/dps'
import {
  OPERATION_ID_BYTES,
  OPERATION_LIFETIME_MS,
  OPERATIONS_MAX,
  OPERATIONS_PER_REGISTRATION_MAX,
  OPERATIONS_RUNNING_MAX,
} from './limits.ts'
import type { CertificateWish } from './certificate-issuing.ts'
import type { RandomBytes } from './ports.ts'

/** What became of an assignment. */
export type Outcome = { readonly status: 'assigned' | 'failed'; readonly state: RegistrationState }

export interface OperationRecord {
  readonly operationId: string
  readonly registrationId: RegistrationId
  readonly begunAt: Instant
  /** What the device asked for beside its assignment; two requests are two operations. */
  readonly wish: CertificateWish | undefined
  /** How often the assignment was begun. */
  attempts: number
  isRunning: boolean
  /** Ends with the attempt that was begun last; never rejects. */
  done: Promise<void> | undefined
  outcome: Outcome | undefined
}

export class Operations {
  readonly #random: RandomBytes
  /** In the order in which they were begun. */
  readonly #records = new Map<string, OperationRecord>()
  readonly #byRegistration = new Map<RegistrationId, OperationRecord[]>()
  #running = 0

  constructor(random: RandomBytes) {
    this.#random = random
  }

  get size(): number {
    return this.#records.size
  }

  /** The unfinished operation of the registration, which a second register that asks for the same shares. */
  pending(
    registrationId: RegistrationId,
    wish: CertificateWish | undefined,
    now: Instant,
  ): OperationRecord | undefined {
    this.sweep(now)
    return this.#byRegistration.get(registrationId)?.find((one) => one.outcome === undefined && isSame(one.wish, wish))
  }

  /** A new operation; undefined when too much is under way. */
  begin(registrationId: RegistrationId, wish: CertificateWish | undefined, now: Instant): OperationRecord | undefined {
    this.sweep(now)
    if (this.#running >= OPERATIONS_RUNNING_MAX) return undefined
    if (this.#records.size >= OPERATIONS_MAX && !this.#forgetOldestDone()) return undefined
    const id = Buffer.from(this.#random(OPERATION_ID_BYTES)).toString('hex')
    const record: OperationRecord = {
      operationId: `4.${id.slice(0, 16)}.${id.slice(16)}`,
      registrationId,
      begunAt: now,
      wish,
      attempts: 0,
      isRunning: false,
      done: undefined,
      outcome: undefined,
    }
    this.#records.set(record.operationId, record)
    const siblings = this.#byRegistration.get(registrationId) ?? []
    siblings.push(record)
    this.#byRegistration.set(registrationId, siblings)
    const [oldest] = siblings
    if (siblings.length > OPERATIONS_PER_REGISTRATION_MAX && oldest !== undefined) this.#forget(oldest)
    return record
  }

  /** The operation, if it is the registration's own: an id that leaked is of no use to another device. */
  find(registrationId: RegistrationId, operationId: string, now: Instant): OperationRecord | undefined {
    this.sweep(now)
    const record = this.#records.get(operationId)
    return record?.registrationId === registrationId ? record : undefined
  }

  started(record: OperationRecord): void {
    record.attempts += 1
    record.isRunning = true
    this.#running += 1
  }

  stopped(record: OperationRecord, outcome: Outcome | undefined): void {
    record.isRunning = false
    record.outcome = outcome
    this.#running -= 1
  }

  /** Takes back a `begin` of which nothing came. */
  drop(record: OperationRecord): void {
    this.#forget(record)
  }

  /** Forgets what has lived its time. */
  sweep(now: Instant): void {
    for (const record of this.#records.values()) {
      if (now - record.begunAt < OPERATION_LIFETIME_MS) return
      this.#forget(record)
    }
  }

  #forgetOldestDone(): boolean {
    for (const record of this.#records.values()) {
      if (record.outcome === undefined) continue
      this.#forget(record)
      return true
    }
    return false
  }

  #forget(record: OperationRecord): void {
    this.#records.delete(record.operationId)
    const siblings = this.#byRegistration.get(record.registrationId)
    const at = siblings?.indexOf(record) ?? -1
    if (siblings === undefined || at < 0) return
    siblings.splice(at, 1)
    if (siblings.length === 0) this.#byRegistration.delete(record.registrationId)
  }
}

function isSame(one: CertificateWish | undefined, other: CertificateWish | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return Buffer.compare(one.request, other.request) === 0
}
