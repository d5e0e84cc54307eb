/** Everything `state.db` keeps, behind one object: the ports of the domain, and the upkeep of the file. */

import type {
  AttestationPolicy,
  AttestationRecord,
  AttestationStore,
  EndorsementRootStore,
  ReferenceSigner,
  StoredEndorsementRoot,
  StoredPolicy,
  StoredReferenceValues,
  StoredStanding,
} from '@holdfast/attestation'
import type {
  ChangeOutcome,
  CommandChange,
  CommandStore,
  EnqueueOutcome,
  FeedbackBatch,
  FeedbackBatched,
  QueueEntry,
  ServiceEnqueued,
  ServiceQueueName,
  ServiceQueueStore,
  StoredCommand,
  StoredServiceMessage,
} from '@holdfast/commands'
import type { CertificateChange, IssuedCertificate, IssuedCertificateStore } from '@holdfast/credentials'
import type {
  AccessPolicy,
  AuthorityStore,
  CustomerAuthority,
  Expectation,
  Identity,
  IdentityKey,
  IdentityStore,
  IdentityWriteOutcome,
  KeyClaim,
  KeyClaimOutcome,
  KeyUseStore,
  PolicyStore,
  RevocationListStore,
  StoredRevocationList,
  WriteOutcome,
} from '@holdfast/identity'
import type { Because, RecordedEvent, SecurityEvent } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Twin } from '@holdfast/iothub'
import type { Random } from '@holdfast/keys'
import type { SessionStore, Subscription } from '@holdfast/messaging'
import type { Enrollment, Page, ProvisioningStore, Registration } from '@holdfast/provisioning'
import type { ChangeStamp, TwinChange, TwinOutcome, TwinStore } from '@holdfast/twins'
import type { Upload, UploadedBlob, UploadPage, UploadStore } from '@holdfast/uploads'
import { StoreDamagedError } from '../damaged.ts'
import { OnlineCopy } from '../sqlite/online-copy.ts'
import { SqlAttestations } from './attestations.ts'
import { SqlEndorsementRoots } from './endorsement-roots.ts'
import { SqlAuthorities } from './authorities.ts'
import { SqlKeyUse } from './key-use.ts'
import { SqlRevocationLists } from './revocation-lists.ts'
import { SqlTokens } from './tokens.ts'
import { SqlBackups } from './backups.ts'
import { SqlCommands } from './commands.ts'
import { SqlEnrollments } from './enrollments.ts'
import { SqlSinks } from './forwarding.ts'
import { SqlIdentities } from './identities.ts'
import { SqlIssuedCertificates } from './issued-certificates.ts'
import { type ActiveDevice, type MoveEvidence, type MoveEvidenceStore, SqlMoveEvidence } from './move-evidence.ts'
import { SqlIdempotency } from './idempotency.ts'
import { SqlModels } from './models.ts'
import { SqlTrust } from './quarantine.ts'
import { SqlPeople } from './operators.ts'
import { SqlAccess } from './organisations.ts'
import { openStateDatabase, type StateDatabase } from './open-database.ts'
import { SqlPolicies } from './policies.ts'
import { disconnectAll, type PresenceRecord, type PresenceStore, type PresenceWrite, SqlPresence } from './presence.ts'
import { type QueryOutcome, type QueryRequest, type QueryStore, SqlQueries } from './query/queries.ts'
import { SqlRegistrations } from './registrations.ts'
import { readSealEpochs, reseal, type ResealOutcome } from './reseal.ts'
import { Sequence } from './sequences.ts'
import { SqlReviews } from './reviews.ts'
import { SqlServiceQueues } from './service-queues.ts'
import { SqlSessions } from './sessions.ts'
import { truncateLog } from './scrub.ts'
import { SqlSettings, type SettingStore } from './settings.ts'
import { SqlSupply } from './supply/supply.ts'
import { SqlTwins } from './twins.ts'
import { SqlAudit } from './audit/sql-audit.ts'
import { SqlUploads } from './uploads.ts'
import { type StateKeys, ValueSealer } from './value-sealer.ts'
import { WriteGroup } from './write-group.ts'

/** Events that describe no change of what is kept here. */
export interface EventStore {
  /** Resolves when they are on disk. */
  recordEvents(events: readonly SecurityEvent[]): Promise<void>
}

/** What keeps the store healthy while it runs. */
export interface StateUpkeep {
  /** After a rotation or a drop of state keys; what is sealed under older ones still opens while they are given. */
  replaceKeys(keys: StateKeys): Promise<void>
  /** One bounded step (500 rows) of moving secrets to the current key; call until `isDone`, as slowly as you like. */
  reseal(): Promise<ResealOutcome>
  /** Epochs that still seal something: what is not among them may be dropped. */
  sealEpochs(): Promise<readonly number[]>
  /**
   * Moves the log into the file and cuts the log to nothing. What was deleted before is in neither then: the file's own
   * remains are overwritten when they are deleted (`secure_delete`).
   */
  scrub(): Promise<void>
  /**
   * Writes what the file holds to another, which is not there yet, while writes go on; the copy is of the moment in which
   * this resolves. Rejects with StoreUnavailableError where there is no room, and leaves nothing then.
   */
  copyTo(file: string): Promise<void>
  /** Waits for writes under way, moves the log into the file and closes it. */
  close(): Promise<void>
}

/** All ports in one: no two of them share a method name. */
export interface StateService
  extends EventStore,
    IdentityStore,
    PolicyStore,
    AuthorityStore,
    RevocationListStore,
    KeyUseStore,
    ProvisioningStore,
    SessionStore,
    SettingStore,
    TwinStore,
    PresenceStore,
    QueryStore,
    MoveEvidenceStore,
    CommandStore,
    ServiceQueueStore,
    UploadStore,
    AttestationStore,
    EndorsementRootStore,
    IssuedCertificateStore,
    StateUpkeep {}

export interface StateOptions {
  /** Path of `state.db`; its folder exists. */
  readonly file: string
  readonly keys: StateKeys
  readonly random: Random
  /** Told of events once they are on disk, in their order. MUST NOT throw. */
  readonly told?: (events: readonly RecordedEvent[]) => void
}

/** Rejects as `openStateStore` does, and any call may reject with StoreUnavailableError or StoreDamagedError. */
export class StateStore implements StateService {
  /** Ports of their own; the thread serves them beside the methods here. */
  readonly models: SqlModels
  readonly idempotency: SqlIdempotency
  readonly trust: SqlTrust
  readonly supply: SqlSupply
  readonly audit: SqlAudit
  readonly people: SqlPeople
  readonly access: SqlAccess
  readonly backups: SqlBackups
  readonly tokens: SqlTokens
  readonly #copy = new OnlineCopy()
  readonly sinks: SqlSinks
  readonly reviews: SqlReviews
  readonly #state: StateDatabase
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer
  readonly #identities: SqlIdentities
  readonly #twins: SqlTwins
  readonly #presence: SqlPresence
  readonly #queries: SqlQueries
  readonly #moveEvidence: SqlMoveEvidence
  readonly #policies: SqlPolicies
  readonly #authorities: SqlAuthorities
  readonly #revocationLists: SqlRevocationLists
  readonly #keyUse: SqlKeyUse
  readonly #enrollments: SqlEnrollments
  readonly #registrations: SqlRegistrations
  readonly #sessions: SqlSessions
  readonly #settings: SqlSettings
  readonly #commands: SqlCommands
  readonly #uploads: SqlUploads
  readonly #services: SqlServiceQueues
  readonly #attestations: SqlAttestations
  readonly #endorsementRoots: SqlEndorsementRoots
  readonly #issued: SqlIssuedCertificates

  constructor(
    state: StateDatabase,
    sealer: ValueSealer,
    random: Random,
    told: (events: readonly RecordedEvent[]) => void = () => {},
  ) {
    const { db } = state
    this.audit = new SqlAudit({ database: state.database, sealer, random, told })
    const writes = new WriteGroup(db, this.audit.keep)
    this.audit.writeThrough(writes)
    this.#state = state
    this.#writes = writes
    this.#sealer = sealer
    this.#twins = new SqlTwins(db, writes, random)
    this.#presence = new SqlPresence(db, writes)
    this.#queries = new SqlQueries(state.database)
    this.#moveEvidence = new SqlMoveEvidence(db, writes)
    this.#identities = new SqlIdentities(db, writes, sealer, this.#twins)
    this.models = new SqlModels(db, writes)
    this.idempotency = new SqlIdempotency(writes)
    this.trust = new SqlTrust(db, writes)
    this.supply = new SqlSupply(db, writes, sealer)
    this.people = new SqlPeople(db, writes, sealer)
    this.sinks = new SqlSinks(db, writes, sealer)
    this.reviews = new SqlReviews(db, writes, sealer)
    this.backups = new SqlBackups(db, writes, sealer)
    this.tokens = new SqlTokens(db, writes, sealer)
    this.access = new SqlAccess(db, writes, state.database.location() ?? 'state.db')
    this.#policies = new SqlPolicies(db, writes, sealer)
    this.#authorities = new SqlAuthorities(db, writes)
    this.#revocationLists = new SqlRevocationLists(db, writes)
    this.#keyUse = new SqlKeyUse(writes)
    this.#enrollments = new SqlEnrollments(db, writes, sealer)
    this.#registrations = new SqlRegistrations(db, writes)
    this.#sessions = new SqlSessions(db, writes)
    this.#settings = new SqlSettings(db, writes)
    const sequence = new Sequence('service_message')
    this.#attestations = new SqlAttestations(db, writes)
    this.#endorsementRoots = new SqlEndorsementRoots(db, writes)
    this.#uploads = new SqlUploads(db, writes, sealer)
    this.#commands = new SqlCommands(db, writes, { sealer, services: sequence })
    this.#services = new SqlServiceQueues(db, writes, { sealer, sequence })
    this.#issued = new SqlIssuedCertificates(db, writes)
  }

  recordEvents(events: readonly SecurityEvent[]): Promise<void> {
    return this.#writes.run(async (_transaction, record) => record(events))
  }

  readIdentity(key: IdentityKey): Promise<Identity | undefined> {
    return this.#identities.readIdentity(key)
  }
  writeIdentity(identity: Identity, expected: Expectation, because?: Because): Promise<IdentityWriteOutcome> {
    return this.#identities.writeIdentity(identity, expected, because)
  }
  deleteIdentity(key: IdentityKey, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#identities.deleteIdentity(key, expected, because)
  }
  listDevices(page: Parameters<IdentityStore['listDevices']>[0]): Promise<readonly Identity[]> {
    return this.#identities.listDevices(page)
  }
  listModules(deviceId: string): Promise<readonly Identity[]> {
    return this.#identities.listModules(deviceId)
  }
  countDevices(): Promise<{ readonly total: number; readonly enabled: number }> {
    return this.#identities.countDevices()
  }
  writeTwin(...given: Parameters<IdentityStore['writeTwin']>): Promise<void> {
    return this.#identities.writeTwin(...given)
  }

  readTwin(key: IdentityKey): Promise<Twin | undefined> {
    return this.#twins.readTwin(key)
  }
  changeTwin(
    key: IdentityKey,
    change: TwinChange,
    stamp: ChangeStamp,
    because?: Because,
  ): Promise<TwinOutcome | { readonly kind: 'missing' }> {
    return this.#twins.changeTwin(key, change, stamp, because)
  }
  readAttestation(deviceId: string): Promise<AttestationRecord | undefined> {
    return this.#attestations.readAttestation(deviceId)
  }
  writeAttestation(
    record: AttestationRecord,
    because?: Because,
  ): Promise<'written' | 'device-missing' | 'endorsement-key-taken'> {
    return this.#attestations.writeAttestation(record, because)
  }
  deleteAttestation(deviceId: string, because?: Because): Promise<boolean> {
    return this.#attestations.deleteAttestation(deviceId, because)
  }
  listStandings(page: { readonly limit: number; readonly after?: string }): Promise<readonly StoredStanding[]> {
    return this.#attestations.listStandings(page)
  }
  listEndorsementRoots(): Promise<readonly StoredEndorsementRoot[]> {
    return this.#endorsementRoots.listEndorsementRoots()
  }
  writeEndorsementRoot(root: StoredEndorsementRoot, because?: Because): Promise<void> {
    return this.#endorsementRoots.writeEndorsementRoot(root, because)
  }
  deleteEndorsementRoot(name: string, because?: Because): Promise<void> {
    return this.#endorsementRoots.deleteEndorsementRoot(name, because)
  }
  listReferenceSigners(): Promise<readonly ReferenceSigner[]> {
    return this.#attestations.listReferenceSigners()
  }
  writeReferenceSigner(signer: ReferenceSigner, because?: Because): Promise<void> {
    return this.#attestations.writeReferenceSigner(signer, because)
  }
  deleteReferenceSigner(name: string, because?: Because): Promise<void> {
    return this.#attestations.deleteReferenceSigner(name, because)
  }
  listReferenceValues(): Promise<readonly StoredReferenceValues[]> {
    return this.#attestations.listReferenceValues()
  }
  writeReferenceValues(values: StoredReferenceValues, because?: Because): Promise<void> {
    return this.#attestations.writeReferenceValues(values, because)
  }
  deleteReferenceValues(name: string, because?: Because): Promise<void> {
    return this.#attestations.deleteReferenceValues(name, because)
  }
  listAttestationPolicies(): Promise<readonly StoredPolicy[]> {
    return this.#attestations.listAttestationPolicies()
  }
  writeAttestationPolicy(
    deviceId: string | undefined,
    policy: AttestationPolicy | undefined,
    because?: Because,
  ): Promise<'written' | 'device-missing'> {
    return this.#attestations.writeAttestationPolicy(deviceId, policy, because)
  }

  readPresence(keys: readonly IdentityKey[]): Promise<readonly (PresenceRecord | undefined)[]> {
    return this.#presence.readPresence(keys)
  }
  writePresence(records: readonly PresenceWrite[]): Promise<void> {
    return this.#presence.writePresence(records)
  }
  queryTwins(request: QueryRequest): Promise<QueryOutcome> {
    return this.#queries.queryTwins(request)
  }
  writeMoveEvidence(records: readonly MoveEvidence[]): Promise<void> {
    return this.#moveEvidence.writeMoveEvidence(records)
  }
  clearMoveEvidence(): Promise<void> {
    return this.#moveEvidence.clearMoveEvidence()
  }
  listActiveDevices(page: { readonly after?: string; readonly limit: number }): Promise<readonly ActiveDevice[]> {
    return this.#moveEvidence.listActiveDevices(page)
  }

  listPolicies(): Promise<readonly AccessPolicy[]> {
    return this.#policies.listPolicies()
  }
  writePolicy(policy: AccessPolicy, because?: Because): Promise<void> {
    return this.#policies.writePolicy(policy, because)
  }

  listAuthorities(): Promise<readonly CustomerAuthority[]> {
    return this.#authorities.listAuthorities()
  }
  writeAuthority(authority: CustomerAuthority, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#authorities.writeAuthority(authority, expected, because)
  }
  deleteAuthority(name: string, because?: Because): Promise<WriteOutcome> {
    return this.#authorities.deleteAuthority(name, because)
  }

  listRevocationLists(): Promise<readonly StoredRevocationList[]> {
    return this.#revocationLists.listRevocationLists()
  }
  writeRevocationList(list: StoredRevocationList, because?: Because): Promise<WriteOutcome> {
    return this.#revocationLists.writeRevocationList(list, because)
  }
  deleteRevocationList(authority: string, issuerKey: string, because?: Because): Promise<WriteOutcome> {
    return this.#revocationLists.deleteRevocationList(authority, issuerKey, because)
  }
  claimKey(claim: KeyClaim, because?: Because): Promise<KeyClaimOutcome> {
    return this.#keyUse.claimKey(claim, because)
  }
  releaseKey(claim: KeyClaim): Promise<void> {
    return this.#keyUse.releaseKey(claim)
  }

  readEnrollment(scope: Enrollment['scope'], id: string): Promise<Enrollment | undefined> {
    return this.#enrollments.readEnrollment(scope, id)
  }
  writeEnrollment(enrollment: Enrollment, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#enrollments.writeEnrollment(enrollment, expected, because)
  }
  deleteEnrollment(...given: Parameters<ProvisioningStore['deleteEnrollment']>): Promise<WriteOutcome> {
    return this.#enrollments.deleteEnrollment(...given)
  }
  listEnrollments(scope: Enrollment['scope'], page: Page): Promise<readonly Enrollment[]> {
    return this.#enrollments.listEnrollments(scope, page)
  }

  readRegistration(registrationId: string): Promise<Registration | undefined> {
    return this.#registrations.readRegistration(registrationId)
  }
  writeRegistration(registration: Registration, because?: Because): Promise<void> {
    return this.#registrations.writeRegistration(registration, because)
  }
  deleteRegistration(registrationId: string, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#registrations.deleteRegistration(registrationId, expected, because)
  }
  listRegistrations(enrollmentId: string, page: Page): Promise<readonly Registration[]> {
    return this.#registrations.listRegistrations(enrollmentId, page)
  }

  readSession(key: IdentityKey): Promise<readonly Subscription[] | undefined> {
    return this.#sessions.readSession(key)
  }
  writeSession(key: IdentityKey, subscriptions: readonly Subscription[]): Promise<void> {
    return this.#sessions.writeSession(key, subscriptions)
  }
  deleteSession(key: IdentityKey): Promise<void> {
    return this.#sessions.deleteSession(key)
  }

  readSetting(name: string): Promise<string | undefined> {
    return this.#settings.readSetting(name)
  }
  writeSetting(name: string, value: string, because?: Because): Promise<void> {
    return this.#settings.writeSetting(name, value, because)
  }

  enqueueCommand(...given: Parameters<CommandStore['enqueueCommand']>): Promise<EnqueueOutcome> {
    return this.#commands.enqueueCommand(...given)
  }
  readCommandQueue(key: IdentityKey): ReturnType<CommandStore['readCommandQueue']> {
    return this.#commands.readCommandQueue(key)
  }
  readCommand(key: IdentityKey, sequence: number): Promise<StoredCommand | undefined> {
    return this.#commands.readCommand(key, sequence)
  }
  changeCommands(changes: readonly CommandChange[], at: Timestamp): Promise<readonly ChangeOutcome[]> {
    return this.#commands.changeCommands(changes, at)
  }
  purgeCommands(...given: Parameters<CommandStore['purgeCommands']>): ReturnType<CommandStore['purgeCommands']> {
    return this.#commands.purgeCommands(...given)
  }
  listExpiredCommands(
    page: Parameters<CommandStore['listExpiredCommands']>[0],
  ): ReturnType<CommandStore['listExpiredCommands']> {
    return this.#commands.listExpiredCommands(page)
  }
  countCommands(keys: readonly IdentityKey[], at: Timestamp): Promise<readonly number[]> {
    return this.#commands.countCommands(keys, at)
  }
  batchFeedback(batch: FeedbackBatch): Promise<FeedbackBatched> {
    return this.#commands.batchFeedback(batch)
  }

  enqueueServiceMessage(
    queue: ServiceQueueName,
    message: Parameters<ServiceQueueStore['enqueueServiceMessage']>[1],
    bounds: { readonly messagesMax: number },
  ): Promise<ServiceEnqueued> {
    return this.#services.enqueueServiceMessage(queue, message, bounds)
  }
  readServiceQueue(
    queue: ServiceQueueName,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly QueueEntry[]> {
    return this.#services.readServiceQueue(queue, page)
  }
  readServiceMessage(queue: ServiceQueueName, sequence: number): Promise<StoredServiceMessage | undefined> {
    return this.#services.readServiceMessage(queue, sequence)
  }
  removeServiceMessage(queue: ServiceQueueName, sequence: number): Promise<boolean> {
    return this.#services.removeServiceMessage(queue, sequence)
  }
  abandonServiceMessage(queue: ServiceQueueName, sequence: number, deliveriesMax: number): Promise<ChangeOutcome> {
    return this.#services.abandonServiceMessage(queue, sequence, deliveriesMax)
  }
  expireServiceMessages(at: Timestamp, limit: number): Promise<number> {
    return this.#services.expireServiceMessages(at, limit)
  }

  uploadKey(candidate: string): Promise<string> {
    return this.#uploads.uploadKey(candidate)
  }
  insertUpload(upload: Upload, because?: Because): Promise<void> {
    return this.#uploads.insertUpload(upload, because)
  }
  commitUpload(correlationId: string, blob: UploadedBlob): Promise<boolean> {
    return this.#uploads.commitUpload(correlationId, blob)
  }
  completeUpload(correlationId: string, because?: Because): Promise<boolean> {
    return this.#uploads.completeUpload(correlationId, because)
  }
  deleteUpload(correlationId: string, because?: Because): Promise<Upload | undefined> {
    return this.#uploads.deleteUpload(correlationId, because)
  }
  readUpload(correlationId: string): Promise<Upload | undefined> {
    return this.#uploads.readUpload(correlationId)
  }
  findUpload(correlationId: string): Promise<Upload | undefined> {
    return this.#uploads.findUpload(correlationId)
  }
  listUploads(page: UploadPage): Promise<readonly Upload[]> {
    return this.#uploads.listUploads(page)
  }
  listPendingUploads(now: Timestamp): Promise<readonly Upload[]> {
    return this.#uploads.listPendingUploads(now)
  }
  listOutdatedUploads(bounds: Parameters<UploadStore['listOutdatedUploads']>[0]): Promise<readonly Upload[]> {
    return this.#uploads.listOutdatedUploads(bounds)
  }
  uploadTotals(): ReturnType<UploadStore['uploadTotals']> {
    return this.#uploads.uploadTotals()
  }
  listUploadFiles(): Promise<readonly string[]> {
    return this.#uploads.listUploadFiles()
  }

  changeIssued(change: CertificateChange, because?: Because): Promise<boolean> {
    return this.#issued.changeIssued(change, because)
  }
  readIssued(sha256: string): Promise<IssuedCertificate | undefined> {
    return this.#issued.readIssued(sha256)
  }
  readIssuedBySerial(serialNumber: string): Promise<IssuedCertificate | undefined> {
    return this.#issued.readIssuedBySerial(serialNumber)
  }
  listIssuedOf(
    ...[key, page]: Parameters<IssuedCertificateStore['listIssuedOf']>
  ): Promise<readonly IssuedCertificate[]> {
    return this.#issued.listIssuedOf(key, page)
  }
  listIssuedByKey(spkiSha256: string, limit: number): Promise<readonly IssuedCertificate[]> {
    return this.#issued.listIssuedByKey(spkiSha256, limit)
  }
  listIssuedByEnd(
    page: Parameters<IssuedCertificateStore['listIssuedByEnd']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    return this.#issued.listIssuedByEnd(page)
  }
  listIssuedDue(page: Parameters<IssuedCertificateStore['listIssuedDue']>[0]): Promise<readonly IssuedCertificate[]> {
    return this.#issued.listIssuedDue(page)
  }
  listIssuedRevoked(
    page: Parameters<IssuedCertificateStore['listIssuedRevoked']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    return this.#issued.listIssuedRevoked(page)
  }
  countIssuedByIssuer(): ReturnType<IssuedCertificateStore['countIssuedByIssuer']> {
    return this.#issued.countIssuedByIssuer()
  }
  deleteIssuedBefore(time: Timestamp, limit: number): Promise<number> {
    return this.#issued.deleteIssuedBefore(time, limit)
  }
  readCertificateProfile(key: IdentityKey): Promise<string | undefined> {
    return this.#issued.readCertificateProfile(key)
  }
  writeCertificateProfile(key: IdentityKey, profile: string | undefined, because?: Because): Promise<void> {
    return this.#issued.writeCertificateProfile(key, profile, because)
  }

  async replaceKeys(keys: StateKeys): Promise<void> {
    this.#sealer.replaceKeys(keys)
  }
  reseal(): Promise<ResealOutcome> {
    return reseal(this.#state.db, this.#writes, this.#sealer)
  }
  sealEpochs(): Promise<readonly number[]> {
    return readSealEpochs(this.#state.db)
  }
  scrub(): Promise<void> {
    return truncateLog(this.#state.database)
  }
  copyTo(file: string): Promise<void> {
    return this.#copy.run(this.#state.database, file)
  }
  async close(): Promise<void> {
    await this.#copy.end()
    await this.#writes.settled()
    await this.#state.db.destroy()
  }
}

/**
 * Opens `state.db`, made where there is none.
 * @throws StoreDamagedError damaged, foreign, newer, or sealed with keys that were not given.
 * @throws StoreUnavailableError in use by another process (`busy`), or the disk fails.
 */
export async function openStateStore(options: StateOptions): Promise<StateStore> {
  const state = await openStateDatabase(options.file)
  try {
    const sealer = new ValueSealer(options.file, options.keys, options.random)
    const unknown = (await readSealEpochs(state.db)).filter((epoch) => !sealer.has(epoch))
    if (unknown.length > 0) {
      throw new StoreDamagedError({
        file: options.file,
        what: `secrets in it are sealed with state keys the key ring does not hold (epoch ${unknown.join(', ')})`,
        remedy: 'put back the database and the keys folder from the same backup',
      })
    }
    await disconnectAll(state.db)
    return new StateStore(state, sealer, options.random, options.told)
  } catch (error) {
    await state.db.destroy()
    throw error
  }
}
