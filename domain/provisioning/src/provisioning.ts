/**
 * Device provisioning: who may register, what becomes of it, and what the service side may know and change.
 * Speaks of documents and errors in the terms of `@holdfast/dps`; transports only carry them.
 */

import { type EventSink, EventThrottle, type SecurityEvent } from '@holdfast/audit'
import { type Clock, type Instant, formatTimestamp } from '@holdfast/base'
import {
  type Condition,
  DpsError,
  type Match,
  type Operation,
  type QueryValue,
  type RegisterRequest,
  type RegistrationId,
  type RegistrationState,
  formatActivation,
  meets,
  parseRegistrationId,
} from '@holdfast/dps'
import { type AssignmentParts, assign, failedState } from './assignment.ts'
import { Activations } from './activations.ts'
import { Attestor } from './attestor.ts'
import { certificateWish, type DeviceCertificates } from './certificate-issuing.ts'
import { TpmError } from '@holdfast/tpm'
import { type Attested, type Credentials, type Denied, type RegistrationClaim, type Verdict, denied } from './claim.ts'
import { Enrollments } from './enrollments.ts'
import { GroupIndex } from './group-index.ts'
import { ACTIVATION_KEY_BYTES, ASSIGNMENT_ATTEMPTS_MAX, THROTTLED_RETRY_AFTER_SECONDS } from './limits.ts'
import { type OperationRecord, Operations } from './operations.ts'
import { type Results, pageOf } from './paging.ts'
import type { AttemptThrottle, CertificateRules, DeviceDirectory, RandomBytes, SupplyRules, TpmParts } from './ports.ts'
import { stateOf } from './registration-state.ts'
import type { ProvisioningStore, Registration } from './store.ts'
import { type CheckedKeys, checkTpmKeys } from './tpm-proof.ts'

export interface ProvisioningParts {
  /** Compared without case. */
  readonly idScope: string
  /** Names of this hub; the first is the one that devices are sent to. */
  readonly hostNames: readonly string[]
  /** Written by this object alone while it runs. */
  readonly store: ProvisioningStore
  readonly devices: DeviceDirectory
  readonly certificates: CertificateRules
  /** Claims and retired keys; without it there are none. */
  readonly supply?: SupplyRules
  /** Attestation by TPM; without it there is none. */
  readonly tpm?: TpmParts
  readonly throttle: AttemptThrottle
  /** Absent: no certificates are issued with registrations. */
  readonly issuing?: DeviceCertificates
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
}

/**
 * Every method may reject with what a store throws when it is unavailable. What a client is to be told is a DpsError:
 * a denial is always `unauthorized` with the same text, and precise in the event.
 */
export class Provisioning {
  /** The service side. The caller checks who may. */
  readonly enrollments: Enrollments
  readonly #parts: ProvisioningParts
  readonly #attestor: Attestor
  readonly #activations: Activations
  readonly #operations: Operations
  readonly #assignment: AssignmentParts
  readonly #refusals: EventThrottle

  /** @throws TypeError without a host name. */
  constructor(parts: ProvisioningParts) {
    const [assignedHub] = parts.hostNames
    if (assignedHub === undefined) throw new TypeError('provisioning needs the name of a hub')
    const { store, clock, random, events, certificates } = parts
    const format = { assignedHub, certificates }
    const groups = new GroupIndex(store)
    const hostNames = parts.hostNames.map((name) => name.toLowerCase())
    this.#parts = parts
    const { issuing } = parts
    this.enrollments = new Enrollments({
      store,
      groups,
      clock,
      random,
      events,
      format,
      hostNames,
      ...(issuing === undefined ? {} : { issuing }),
    })
    this.#activations = new Activations(random)
    this.#attestor = new Attestor({ ...parts, groups, activations: this.#activations })
    this.#operations = new Operations(random)
    this.#refusals = new EventThrottle(events)
    this.#assignment = {
      store,
      devices: parts.devices,
      ...(parts.issuing === undefined ? {} : { issuing: parts.issuing }),
      ...(parts.supply === undefined ? {} : { supply: parts.supply }),
      ...(parts.tpm === undefined ? {} : { tpm: parts.tpm }),
      clock,
      random,
      events: (event) => this.#emit(event),
      format,
    }
  }

  get idScope(): string {
    return this.#parts.idScope
  }

  /**
   * Decides whether a device may speak at all, as at an MQTT CONNECT. What it asks for later is decided anew: between
   * the two, its enrolment may be disabled.
   */
  async authenticate(claim: RegistrationClaim, credentials: Credentials): Promise<Verdict> {
    const verdict = await this.#attestor.authenticate(claim, credentials)
    if (verdict.kind === 'denied') this.#tellDenial(claim, credentials, verdict)
    return verdict
  }

  /**
   * The symmetric keys, base64, by which an enrolment proves these registrations: individual ones, and of the group of a
   * registration the keys derived for it; of every group, where no registration tells which.
   */
  symmetricKeysOf(ids: ReadonlySet<RegistrationId>): Promise<readonly string[]> {
    return this.#attestor.symmetricKeysOf(ids)
  }

  /**
   * Challenges a TPM: a key that it alone can take in, and signs its register with (azure-iot.md §6.1). Everybody whose
   * keys have the right form is given one: who is not enrolled, or as another TPM, learns no more than that it opens
   * nothing.
   * @returns an activation blob.
   * @throws DpsError `bad-request`, `not-supported`, `throttled`.
   */
  async challenge(claim: RegistrationClaim, address: string, request: RegisterRequest): Promise<Uint8Array> {
    const { tpm, clock, random } = this.#parts
    if (tpm === undefined) throw new DpsError('not-supported', 'tpm: TPM attestation is not offered here.')
    if (request.tpm === undefined) throw new TypeError('a challenge is for the keys of a TPM')
    const keys = checkTpmKeys(request.tpm)
    const verdict = await this.#attestor.mayChallenge(claim, request.tpm, address)
    if (verdict.kind === 'denied') {
      this.#tellDenial(claim, { address }, verdict)
      if (verdict.code === 'throttled') throw throttled()
      return wrapped(keys, random(ACTIVATION_KEY_BYTES), tpm)
    }
    const { registrationId } = verdict
    const challenged = { registrationId, ...request.tpm }
    const blob = wrapped(keys, this.#activations.challenge(challenged, clock.monotonic()), tpm)
    const actor = `address/${address}`
    const at = clock.wall()
    this.#emit({ type: 'registration.challenged', at, subject: `registration/${registrationId}`, actor, detail: {} })
    return blob
  }

  /**
   * Begins an assignment, or joins the one under way for the same registration. Always `assigning`: the outcome is had
   * by `poll`, after RETRY_AFTER_SECONDS.
   * @throws DpsError `unauthorized`, `bad-request`, `not-supported` (CSR), `throttled`.
   */
  async register(claim: RegistrationClaim, credentials: Credentials, request: RegisterRequest): Promise<Operation> {
    const shown = request.tpm === undefined ? credentials : { ...credentials, tpm: request.tpm }
    const attested = await this.#attested(claim, shown)
    checkRequest(attested, request)
    const now = this.#parts.clock.monotonic()
    const { csr } = request
    const wish =
      csr === undefined ? undefined : certificateWish(this.#parts.issuing, csr, attested, claim.registrationId)
    const pending = this.#operations.pending(attested.registrationId, wish, now)
    const record = pending ?? this.#operations.begin(attested.registrationId, wish, now)
    if (record === undefined) {
      throw new DpsError('throttled', 'Too many devices register just now.', {
        retryAfterSeconds: THROTTLED_RETRY_AFTER_SECONDS,
      })
    }
    // From the proof to here others may have answered the same challenge; of two answers one counts.
    if (!this.#isUsed(attested, now)) {
      if (pending === undefined) this.#operations.drop(record)
      const denial = denied('activation-replayed', 'the challenge was answered by another request before')
      this.#tellDenial(claim, credentials, denial)
      throw new DpsError('unauthorized', 'Unauthorized')
    }
    this.#run(record, attested, credentials.address)
    return { status: 'assigning', operationId: record.operationId }
  }

  /**
   * As `register`, and waits for what becomes of it: for protocols in which one request is all there is. `assigning`
   * where the store failed; then the same request again is right.
   */
  async registerAndWait(
    claim: RegistrationClaim,
    credentials: Credentials,
    request: RegisterRequest,
  ): Promise<Operation> {
    const { operationId } = await this.register(claim, credentials, request)
    const id = parseRegistrationId(claim.registrationId)
    const record = id && this.#operations.find(id, operationId, this.#parts.clock.monotonic())
    await record?.done
    const outcome = record?.outcome
    if (outcome === undefined) return { status: 'assigning', operationId }
    return { status: outcome.status, operationId, state: outcome.state }
  }

  /** @throws DpsError `unauthorized`, `operation-not-found`. */
  async poll(claim: RegistrationClaim, credentials: Credentials, operationId: string): Promise<Operation> {
    const attested = await this.#attested(claim, credentials)
    const record = this.#operations.find(attested.registrationId, operationId, this.#parts.clock.monotonic())
    if (record === undefined) {
      throw new DpsError('operation-not-found', 'There is no such operation any more. Register again.')
    }
    if (record.outcome === undefined) this.#run(record, attested, credentials.address)
    const { outcome } = record
    if (outcome === undefined) return { status: 'assigning', operationId }
    return { status: outcome.status, operationId, state: outcome.state }
  }

  /**
   * Where the device was assigned.
   * @throws DpsError `unauthorized`, `bad-request`, `not-supported`, `registration-not-found`.
   */
  async lookUp(
    claim: RegistrationClaim,
    credentials: Credentials,
    request: RegisterRequest,
  ): Promise<RegistrationState> {
    const attested = await this.#attested(claim, credentials)
    checkRequest(attested, request)
    // §6.3: what is looked up was issued before, if it was.
    if (request.csr !== undefined) throw new DpsError('bad-request', 'csr: goes with a registration alone.')
    const registration = await this.#parts.store.readRegistration(attested.registrationId)
    if (registration === undefined) throw registrationNotFound()
    return stateOf(this.#assignment.format, registration, attested)
  }

  /** @throws DpsError `registration-not-found`. */
  async readRegistration(id: RegistrationId): Promise<RegistrationState> {
    const registration = await this.#parts.store.readRegistration(id)
    if (registration === undefined) throw registrationNotFound()
    return stateOf(this.#assignment.format, registration)
  }

  /**
   * Forgets where a device was assigned: its next register is a first one. The device itself stays at the hub.
   * @throws DpsError `registration-not-found`, `precondition-failed`.
   */
  async deleteRegistration(id: RegistrationId, match: Match, actor: string): Promise<void> {
    const expected = match.kind === 'etag' ? match : ({ kind: 'present' } as const)
    const at = this.#parts.clock.wall()
    const deleted = { type: 'registration.deleted', at, subject: `registration/${id}`, actor, detail: {} } as const
    const outcome = await this.#parts.store.deleteRegistration(id, expected, deleted)
    if (outcome === 'missing') throw registrationNotFound()
    if (outcome !== 'written') {
      throw new DpsError('precondition-failed', 'The registration is not the one that If-Match names. Read it again.')
    }
  }

  /** The registrations that a group assigned. @throws DpsError `enrollment-not-found`. */
  async queryRegistrations(
    groupId: RegistrationId,
    query: { readonly condition: Condition; readonly after?: string; readonly limit: number },
  ): Promise<Results<RegistrationState>> {
    await this.enrollments.read('group', groupId)
    const { format } = this.#assignment
    const page = await pageOf((one) => this.#parts.store.listRegistrations(groupId, one), {
      ...query,
      idOf: (one) => one.registrationId,
      // An individual enrolment may have the same id as the group.
      keep: (one) =>
        one.scope === 'group' && meets(query.condition, (field) => fieldOf(one, field, format.assignedHub)),
    })
    const items = page.items.map((one) => stateOf(format, one))
    return page.next === undefined ? { items } : { items, next: page.next }
  }

  /** Forgets old operations and tells what was held back of floods of refusals; call every few seconds and at the end. */
  sweep(): void {
    const now = this.#parts.clock.monotonic()
    this.#operations.sweep(now)
    this.#activations.sweep(now)
    this.#refusals.flush()
  }

  async #attested(claim: RegistrationClaim, credentials: Credentials): Promise<Attested> {
    const verdict = await this.authenticate(claim, credentials)
    if (verdict.kind === 'attested') return verdict
    if (verdict.code === 'throttled') throw throttled()
    throw new DpsError('unauthorized', 'Unauthorized')
  }

  /** Uses up the challenge that the proof rests on, if it rests on one. */
  #isUsed({ proof, registrationId }: Attested, now: Instant): boolean {
    if (proof.kind !== 'tpm') return true
    const { activation, endorsementKey, storageRootKey } = proof
    if (activation === undefined) return false
    return this.#activations.use({ registrationId, endorsementKey, storageRootKey }, activation, now)
  }

  /** Begins, or after a failure of the store begins again, unless it is under way or done. */
  #run(record: OperationRecord, attested: Attested, address: string): void {
    if (record.isRunning || record.outcome !== undefined) return
    this.#operations.started(record)
    record.done = assign(this.#assignment, attested, address, record.wish).then(
      (outcome) => this.#operations.stopped(record, outcome),
      (error: unknown) => {
        const isLast = record.attempts >= ASSIGNMENT_ATTEMPTS_MAX
        const at = this.#parts.clock.wall()
        const state = failedState(attested, at, 'internal')
        this.#operations.stopped(record, isLast ? { status: 'failed', state } : undefined)
        this.#emit({
          type: 'registration.refused',
          at,
          subject: `registration/${record.registrationId}`,
          actor: `address/${address}`,
          detail: {
            code: 'failed',
            attempt: record.attempts,
            reason: error instanceof Error ? error.message : 'unknown',
          },
        })
      },
    )
  }

  #tellDenial(claim: RegistrationClaim, credentials: Credentials, { code, detail }: Denied): void {
    this.#emit({
      type: 'registration.refused',
      at: this.#parts.clock.wall(),
      // Cut and cleaned: an attacker writes it, an operator's terminal shows it.
      subject: `registration/${claim.registrationId.slice(0, 128).replace(/[^\x21-\x7e]/g, '?')}`,
      actor: `address/${credentials.address}`,
      detail: {
        code,
        reason: detail,
        credential: credentials.token === undefined ? (credentials.certificate ? 'certificate' : 'none') : 'token',
      },
    })
  }

  /** Refusals can be had by the thousand, so they are throttled; the rest is not. */
  #emit(event: SecurityEvent): void {
    if (event.type === 'registration.refused' || event.type === 'registration.challenged')
      this.#refusals.report(event, this.#parts.clock.monotonic())
    else this.#parts.events(event)
  }
}

function checkRequest(attested: Attested, request: RegisterRequest): void {
  if (request.registrationId !== undefined && request.registrationId !== attested.registrationId) {
    throw new DpsError('bad-request', 'registrationId: differs from the one that was authenticated.')
  }
  // Seams. Both are understood; what would carry them out is not here yet.
  if (request.tpm !== undefined && attested.proof.kind !== 'tpm') {
    throw new DpsError('bad-request', 'tpm: the enrolment does not ask for a TPM.')
  }
}

function fieldOf(registration: Registration, field: string, assignedHub: string): QueryValue | undefined {
  switch (field) {
    case 'registrationId':
      return registration.registrationId
    case 'deviceId':
      return registration.deviceId
    case 'status':
      return registration.status
    case 'substatus':
      return registration.substatus
    case 'assignedHub':
      return assignedHub
    case 'etag':
      return registration.etag
    case 'createdDateTimeUtc':
      return formatTimestamp(registration.createdTime)
    case 'lastUpdatedDateTimeUtc':
      return formatTimestamp(registration.updatedTime)
    default:
      return undefined
  }
}

function throttled(): DpsError {
  const retryAfterSeconds = THROTTLED_RETRY_AFTER_SECONDS
  return new DpsError('throttled', 'Too many failures from this address.', { retryAfterSeconds })
}

/** @throws DpsError `bad-request` where a key, of the right form though it is, is no key. */
function wrapped(keys: CheckedKeys, key: Uint8Array, tpm: TpmParts): Uint8Array {
  try {
    return formatActivation(keys, key, tpm.seeds)
  } catch (error) {
    if (error instanceof TpmError) throw new DpsError('bad-request', `tpm: ${error.message}.`)
    throw error
  }
}

function registrationNotFound(): DpsError {
  return new DpsError('registration-not-found', 'There is no such registration.')
}
