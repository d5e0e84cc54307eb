/** A store in memory that keeps the promises of `store.ts`. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import type { Expectation, WriteOutcome } from '@holdfast/identity'
import type { Enrollment, Page, ProvisioningStore, Registration } from '../store.ts'

/** Answers as the disk does: some turns later, with the state of the moment in which it did the work. */
export class MemoryProvisioningStore implements ProvisioningStore {
  readonly enrollments = new Map<string, Enrollment>()
  readonly registrations = new Map<string, Registration>()
  /** Set to make every call reject with it. */
  failure: Error | undefined
  /** Told what writes bring, where they did what was asked. */
  sink: EventSink

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async readEnrollment(scope: Enrollment['scope'], id: string): Promise<Enrollment | undefined> {
    return this.#answer(this.enrollments.get(`${scope} ${id}`))
  }

  async writeEnrollment(enrollment: Enrollment, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    const key = `${enrollment.scope} ${enrollment.id}`
    const outcome = judge(expected, this.enrollments.get(key)?.etag)
    if (outcome === 'written' && this.failure === undefined) {
      this.enrollments.set(key, structuredClone(enrollment))
      this.#tell(because)
    }
    return this.#answer(outcome)
  }

  async deleteEnrollment(
    scope: Enrollment['scope'],
    id: string,
    expected: Expectation,
    because?: Because,
  ): Promise<WriteOutcome> {
    return this.#delete(this.enrollments, `${scope} ${id}`, expected, because)
  }

  async listEnrollments(scope: Enrollment['scope'], page: Page): Promise<readonly Enrollment[]> {
    const all = [...this.enrollments.values()].filter((one) => one.scope === scope)
    return this.#answer(pageOf(all, (one) => one.id, page))
  }

  async readRegistration(registrationId: string): Promise<Registration | undefined> {
    return this.#answer(this.registrations.get(registrationId))
  }

  async writeRegistration(registration: Registration, because?: Because): Promise<void> {
    if (this.failure === undefined) {
      this.registrations.set(registration.registrationId, structuredClone(registration))
      this.#tell(because)
    }
    return this.#answer(undefined)
  }

  async deleteRegistration(registrationId: string, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#delete(this.registrations, registrationId, expected, because)
  }

  async listRegistrations(enrollmentId: string, page: Page): Promise<readonly Registration[]> {
    const all = [...this.registrations.values()].filter((one) => one.enrollmentId === enrollmentId)
    return this.#answer(pageOf(all, (one) => one.registrationId, page))
  }

  async #delete(
    map: Map<string, { readonly etag: string }>,
    key: string,
    expected: Expectation,
    because: Because | undefined,
  ): Promise<WriteOutcome> {
    const current = map.get(key)
    const outcome = current === undefined ? 'missing' : judge(expected, current.etag)
    if (outcome === 'written' && this.failure === undefined) {
      map.delete(key)
      this.#tell(because)
    }
    return this.#answer(outcome)
  }

  #tell(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.sink(event)
  }

  async #answer<T>(value: T): Promise<T> {
    const failure = this.failure
    await Promise.resolve()
    await Promise.resolve()
    if (failure !== undefined) throw failure
    return structuredClone(value)
  }
}

function judge(expected: Expectation, etag: string | undefined): WriteOutcome {
  switch (expected.kind) {
    case 'absent':
      return etag === undefined ? 'written' : 'exists'
    case 'present':
      return etag === undefined ? 'missing' : 'written'
    case 'etag':
      if (etag === undefined) return 'missing'
      return etag === expected.etag ? 'written' : 'etag-mismatch'
    case 'any':
      return 'written'
  }
}

function pageOf<T>(all: readonly T[], idOf: (one: T) => string, page: Page): readonly T[] {
  const { after } = page
  return all
    .filter((one) => after === undefined || idOf(one) > after)
    .toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
    .slice(0, page.limit)
}
