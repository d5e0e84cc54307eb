/** Enrolments as operators and services manage them. */

import type { EventSink, EventType, SecurityEvent } from '@holdfast/audit'
import { type Clock, formatTimestamp } from '@holdfast/base'
import {
  type AttestationDocument,
  type BulkOperation,
  type Condition,
  DpsError,
  type EnrollmentInput,
  type EnrollmentOutput,
  type EnrollmentScope,
  type Match,
  type QueryValue,
  type RegistrationId,
  formatAttestation,
  meets,
  parseRegistrationId,
} from '@holdfast/dps'
import type { Expectation, WriteOutcome } from '@holdfast/identity'
import { deriveDeviceKey } from '@holdfast/tokens'
import { attestationFrom, attestationOutput } from './attestation-input.ts'
import type { DeviceCertificates } from './certificate-issuing.ts'
import type { GroupIndex } from './group-index.ts'
import { ENROLLMENT_GROUPS_MAX, ETAG_BYTES, WRITE_ATTEMPTS_MAX } from './limits.ts'
import { type Results, pageOf } from './paging.ts'
import type { RandomBytes } from './ports.ts'
import { type StateFormat, stateOf } from './registration-state.ts'
import type { Enrollment, ProvisioningStore } from './store.ts'

export interface EnrollmentsParts {
  readonly store: ProvisioningStore
  readonly groups: GroupIndex
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
  readonly format: StateFormat
  /** Names of this hub, lower case; the only ones an enrolment may bind itself to. */
  readonly hostNames: readonly string[]
  readonly issuing?: Pick<DeviceCertificates, 'hasProfile'>
}

/** What a write must find. `new` is for those who must not overwrite; the rest is `If-Match`. */
export type WriteMatch = Match | { readonly kind: 'new' }

/** What `bulk` could not do, in the order of the request. */
export interface BulkError {
  readonly id: string
  readonly error: DpsError
}

/**
 * A disabled or deleted enrolment refuses every register, look-up and poll from then on. It does not end sessions at
 * the hub: that is Azure's rule, and disabling or deleting the device does end them.
 */
export class Enrollments {
  readonly #parts: EnrollmentsParts
  /** Writes of groups one after the other, so that counting and writing are one step. */
  #groupTurn: Promise<unknown> = Promise.resolve()

  constructor(parts: EnrollmentsParts) {
    this.#parts = parts
  }

  /** @throws DpsError `enrollment-not-found`. */
  async read(scope: EnrollmentScope, id: RegistrationId): Promise<EnrollmentOutput> {
    return this.#output(await this.#existing(scope, id))
  }

  /**
   * Creates or replaces. Keys that are left out are made, or stay when the enrolment has some.
   * @throws DpsError `precondition-failed`, `conflict` (with `new`), `bad-request`, `too-many`.
   */
  async put(
    input: EnrollmentInput,
    match: WriteMatch,
    actor: string,
  ): Promise<{ readonly enrollment: EnrollmentOutput; readonly isNew: boolean }> {
    this.#checkHubs(input)
    this.#checkProfile(input)
    const write = (): Promise<{ readonly stored: Enrollment; readonly isNew: boolean }> =>
      this.#put(input, match, actor)
    const { stored, isNew } = input.scope === 'group' ? await this.#inTurn(write) : await write()
    return { enrollment: await this.#output(stored), isNew }
  }

  /** @throws DpsError `enrollment-not-found`, `precondition-failed`. */
  async delete(scope: EnrollmentScope, id: RegistrationId, match: Match, actor: string): Promise<void> {
    const { store } = this.#parts
    const expected: Expectation = match.kind === 'etag' ? match : { kind: 'present' }
    const deleted = this.#event('enrollment.deleted', scope, id, actor, {})
    const outcome = await this.#written(scope, () => store.deleteEnrollment(scope, id, expected, deleted))
    if (outcome === 'missing') throw notFound()
    if (outcome !== 'written') throw preconditionFailed()
    // The registration of an individual enrolment goes with it. Those of a group stay, as a record of where they went.
    const registration = scope === 'individual' ? await store.readRegistration(id) : undefined
    if (registration?.scope === 'individual') await store.deleteRegistration(id, { kind: 'any' })
  }

  /** One after the other; a failure of one does not keep the others from being done. */
  async bulk(operation: BulkOperation, actor: string): Promise<readonly BulkError[]> {
    const errors: BulkError[] = []
    for (const item of operation.items) {
      if (item.kind === 'refused') {
        errors.push({ id: item.id, error: item.error })
        continue
      }
      try {
        if (item.kind === 'delete') {
          const match: Match = item.etag === undefined ? { kind: 'none' } : { kind: 'etag', etag: bare(item.etag) }
          await this.delete('individual', item.id, match, actor)
        } else await this.#bulkPut(operation.mode, item.enrollment, actor)
      } catch (error) {
        if (!(error instanceof DpsError)) throw error
        errors.push({ id: item.id, error })
      }
    }
    return errors
  }

  async query(
    scope: EnrollmentScope,
    query: { readonly condition: Condition; readonly after?: string; readonly limit: number },
  ): Promise<Results<EnrollmentOutput>> {
    const page = await pageOf((one) => this.#parts.store.listEnrollments(scope, one), {
      ...query,
      idOf: (one) => one.id,
      keep: (one) => meets(query.condition, (field) => fieldOf(one, field)),
    })
    const items = await Promise.all(page.items.map((one) => this.#output(one)))
    return page.next === undefined ? { items } : { items, next: page.next }
  }

  /**
   * The enrolment's keys, or what is known of its certificates. The caller has checked that the actor may see them.
   * @throws DpsError `enrollment-not-found`.
   */
  async attestationMechanism(scope: EnrollmentScope, id: RegistrationId, actor: string): Promise<AttestationDocument> {
    const { attestation } = await this.#existing(scope, id)
    const output = attestationOutput(this.#parts.format.certificates, attestation)
    if (attestation.kind !== 'symmetricKey') return formatAttestation(output, scope)
    this.#parts.events(this.#event('enrollment.secret-disclosed', scope, id, actor, {}))
    const { primaryKey, secondaryKey } = attestation
    return formatAttestation(output, scope, { primaryKey, secondaryKey })
  }

  /**
   * The key of one device of a symmetric group. The caller has checked that the actor may see it.
   * @param registrationId in the case in which the device uses it.
   * @throws DpsError `enrollment-not-found`, `bad-request` if it is no registration id or the group has certificates.
   */
  async derivedKey(groupId: RegistrationId, registrationId: string, actor: string): Promise<string> {
    if (parseRegistrationId(registrationId) === undefined) {
      throw new DpsError('bad-request', 'registrationId: is not a registration id.')
    }
    const { attestation } = await this.#existing('group', groupId)
    if (attestation.kind !== 'symmetricKey') {
      throw new DpsError('bad-request', 'The group proves its devices by certificates; it derives no keys.')
    }
    this.#parts.events(this.#event('enrollment.secret-disclosed', 'group', groupId, actor, { registrationId }))
    return deriveDeviceKey(attestation.primaryKey, registrationId)
  }

  async #bulkPut(mode: BulkOperation['mode'], input: EnrollmentInput, actor: string): Promise<void> {
    switch (mode) {
      case 'create':
        await this.put(input, { kind: 'new' }, actor)
        return
      case 'update':
        // A missing one is a 404 here, where If-Match: * would be a 412.
        await this.#existing(input.scope, input.id)
        await this.put(input, { kind: 'any' }, actor)
        return
      case 'updateIfMatchETag':
        if (input.etag === undefined) throw new DpsError('bad-request', 'etag: is missing.')
        await this.#existing(input.scope, input.id)
        await this.put(input, { kind: 'etag', etag: bare(input.etag) }, actor)
        return
      case 'delete':
        throw new TypeError('a deletion holds no document')
    }
  }

  async #put(
    input: EnrollmentInput,
    match: WriteMatch,
    actor: string,
  ): Promise<{ readonly stored: Enrollment; readonly isNew: boolean }> {
    const { store } = this.#parts
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt += 1) {
      const current = await store.readEnrollment(input.scope, input.id)
      checkMatch(match, current)
      if (current === undefined && input.scope === 'group') await this.#checkRoom()
      const next = this.#next(input, current)
      // Always against what was read: keys that are kept must be those of the record that is replaced.
      const expected: Expectation = current === undefined ? { kind: 'absent' } : { kind: 'etag', etag: current.etag }
      const isNew = current === undefined
      const event = this.#event(isNew ? 'enrollment.created' : 'enrollment.updated', next.scope, next.id, actor, {
        attestation: next.attestation.kind,
        status: next.status,
      })
      const outcome = await this.#written(input.scope, () => store.writeEnrollment(next, expected, event))
      if (outcome !== 'written') continue
      return { stored: next, isNew }
    }
    throw new DpsError('conflict', 'Others are changing the same enrolment. Try again.')
  }

  #next(input: EnrollmentInput, current: Enrollment | undefined): Enrollment {
    const now = this.#parts.clock.wall()
    const { random, format } = this.#parts
    return {
      id: input.id,
      scope: input.scope,
      attestation: attestationFrom(input.attestation, {
        current: current?.attestation,
        random,
        rules: format.certificates,
      }),
      status: input.status,
      etag: Buffer.from(random(ETAG_BYTES)).toString('hex'),
      createdTime: current?.createdTime ?? now,
      updatedTime: now,
      ...(input.deviceId !== undefined && { deviceId: input.deviceId }),
      iotEdge: input.iotEdge,
      reprovision: input.reprovision,
      allocation: input.allocation,
      ...(input.initialTwin !== undefined && { initialTwin: input.initialTwin }),
      ...(input.deviceInformation !== undefined && { deviceInformation: input.deviceInformation }),
      ...(input.certificateProfile !== undefined && { certificateProfile: input.certificateProfile }),
    }
  }

  async #output(enrollment: Enrollment): Promise<EnrollmentOutput> {
    const { format, store } = this.#parts
    const registration = enrollment.scope === 'individual' ? await store.readRegistration(enrollment.id) : undefined
    const { attestation, ...rest } = enrollment
    return {
      ...rest,
      attestation: attestationOutput(format.certificates, attestation),
      hubs: [format.assignedHub],
      ...(registration !== undefined && { registration: stateOf(format, registration) }),
    }
  }

  async #existing(scope: EnrollmentScope, id: RegistrationId): Promise<Enrollment> {
    const enrollment = await this.#parts.store.readEnrollment(scope, id)
    if (enrollment === undefined) throw notFound()
    return enrollment
  }

  async #checkRoom(): Promise<void> {
    if ((await this.#parts.groups.list()).length < ENROLLMENT_GROUPS_MAX) return
    throw new DpsError('too-many', `There are at most ${ENROLLMENT_GROUPS_MAX} enrolment groups. Delete one first.`)
  }

  #checkHubs(input: EnrollmentInput): void {
    const { hostNames } = this.#parts
    if (input.hubs.every((hub) => hostNames.includes(hub))) return
    throw new DpsError('bad-request', 'iotHubs: names a hub other than this one.', {
      faults: [{ path: 'iotHubs', message: 'names a hub other than this one' }],
    })
  }

  #checkProfile({ certificateProfile }: EnrollmentInput): void {
    if (certificateProfile === undefined || this.#parts.issuing?.hasProfile(certificateProfile) === true) return
    const path = 'clientCertificateIssuancePolicy.certificateAuthorityName'
    const message = 'names no certificate profile of this hub'
    throw new DpsError('bad-request', `${path}: ${message}.`, { faults: [{ path, message }] })
  }

  /** Does a write and, whatever comes of it, trusts no reading of the groups from before or during it. */
  async #written(scope: EnrollmentScope, write: () => Promise<WriteOutcome>): Promise<WriteOutcome> {
    if (scope === 'individual') return write()
    this.#parts.groups.forget()
    try {
      return await write()
    } finally {
      this.#parts.groups.forget()
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#groupTurn.then(work, work)
    this.#groupTurn = turn.catch(() => {})
    return turn
  }

  #event(
    type: EventType,
    scope: EnrollmentScope,
    id: string,
    actor: string,
    detail: Readonly<Record<string, string>>,
  ): SecurityEvent {
    const at = this.#parts.clock.wall()
    const subject = scope === 'individual' ? `enrollment/${id}` : `enrollment-group/${id}`
    return { type, at, subject, actor, detail: { scope, ...detail } }
  }
}

function checkMatch(match: WriteMatch, current: Enrollment | undefined): void {
  if (match.kind === 'none') return
  if (match.kind === 'new') {
    if (current !== undefined) throw new DpsError('conflict', 'The enrolment exists already.')
    return
  }
  if (current === undefined || (match.kind === 'etag' && match.etag !== current.etag)) throw preconditionFailed()
}

function fieldOf(enrollment: Enrollment, field: string): QueryValue | undefined {
  switch (field) {
    case 'registrationId':
    case 'enrollmentGroupId':
      return enrollment.id
    case 'deviceId':
      return enrollment.deviceId
    case 'attestation.type':
      return enrollment.attestation.kind
    case 'provisioningStatus':
      return enrollment.status
    case 'allocationPolicy':
      return enrollment.allocation
    case 'capabilities.iotEdge':
      return enrollment.iotEdge
    case 'etag':
      return enrollment.etag
    case 'createdDateTimeUtc':
      return formatTimestamp(enrollment.createdTime)
    case 'lastUpdatedDateTimeUtc':
      return formatTimestamp(enrollment.updatedTime)
    default:
      return undefined
  }
}

/** Etags of documents carry their quotes with them. */
function bare(etag: string): string {
  return /^"(.*)"$/s.exec(etag)?.[1] ?? etag
}

function notFound(): DpsError {
  return new DpsError('enrollment-not-found', 'There is no such enrolment.')
}

function preconditionFailed(): DpsError {
  return new DpsError('precondition-failed', 'The enrolment is not the one that If-Match names. Read it again.')
}
