/** What the state thread serves: the opening, and the store once it is open. */

import type { MessagePort } from 'node:worker_threads'
import type { RecordedEvent } from '@holdfast/audit'
import type { TokenStore } from '@holdfast/access-tokens'
import type { SinkStore } from '@holdfast/forwarding'
import type { Random } from '@holdfast/keys'
import type { AccessStore } from '@holdfast/authorization'
import type { ModelStore } from '@holdfast/models'
import type { PeopleStore } from '@holdfast/operators'
import type { ReviewStore } from '@holdfast/review'
import type { SupplyStore } from '@holdfast/supply'
import type { TrustStore } from './quarantine.ts'
import type { BackupStore } from './backups.ts'
import type { IdempotencyStore } from './idempotency.ts'
import type { AuditStore } from './audit/port.ts'
import { openStateStore, type StateService } from './state-store.ts'
import type { StateKeys } from './value-sealer.ts'

export interface StateThreadData {
  /** Carries `readonly RecordedEvent[]`: what has come to be on disk, in its order. */
  readonly events: MessagePort
}

/** The thread as the core sees it through `connect<StateThread>(worker)`. */
export interface StateThread
  extends StateService,
    AuditStore,
    ModelStore,
    SupplyStore,
    TrustStore,
    PeopleStore,
    AccessStore,
    SinkStore,
    ReviewStore,
    BackupStore,
    TokenStore,
    IdempotencyStore {
  /**
   * First of all calls, once. Rejects with code STORE_DAMAGED or STORE_UNAVAILABLE and a message that names the file
   * and says what to do; then nothing is open and it may be called again.
   */
  open(options: { readonly file: string; readonly keys: StateKeys }): Promise<void>
}

/** A record and not a list, so that the compiler finds a method that is missing. */
const METHODS: Readonly<Record<keyof StateService, true>> = {
  recordEvents: true,
  readIdentity: true,
  writeIdentity: true,
  deleteIdentity: true,
  listDevices: true,
  listModules: true,
  countDevices: true,
  writeTwin: true,
  listPolicies: true,
  writePolicy: true,
  listAuthorities: true,
  writeAuthority: true,
  deleteAuthority: true,
  listRevocationLists: true,
  writeRevocationList: true,
  deleteRevocationList: true,
  claimKey: true,
  releaseKey: true,
  readEnrollment: true,
  writeEnrollment: true,
  deleteEnrollment: true,
  listEnrollments: true,
  readRegistration: true,
  writeRegistration: true,
  deleteRegistration: true,
  listRegistrations: true,
  readSession: true,
  writeSession: true,
  deleteSession: true,
  readSetting: true,
  writeSetting: true,
  replaceKeys: true,
  reseal: true,
  sealEpochs: true,
  scrub: true,
  copyTo: true,
  readTwin: true,
  changeTwin: true,
  readPresence: true,
  writePresence: true,
  queryTwins: true,
  writeMoveEvidence: true,
  clearMoveEvidence: true,
  listActiveDevices: true,
  uploadKey: true,
  insertUpload: true,
  commitUpload: true,
  completeUpload: true,
  deleteUpload: true,
  readUpload: true,
  findUpload: true,
  listUploads: true,
  listPendingUploads: true,
  listOutdatedUploads: true,
  uploadTotals: true,
  listUploadFiles: true,
  enqueueCommand: true,
  readCommandQueue: true,
  readCommand: true,
  changeCommands: true,
  purgeCommands: true,
  listExpiredCommands: true,
  countCommands: true,
  batchFeedback: true,
  enqueueServiceMessage: true,
  readServiceQueue: true,
  readServiceMessage: true,
  removeServiceMessage: true,
  abandonServiceMessage: true,
  expireServiceMessages: true,
  changeIssued: true,
  readIssued: true,
  readIssuedBySerial: true,
  listIssuedOf: true,
  listIssuedByKey: true,
  listIssuedByEnd: true,
  listIssuedDue: true,
  listIssuedRevoked: true,
  countIssuedByIssuer: true,
  deleteIssuedBefore: true,
  readCertificateProfile: true,
  writeCertificateProfile: true,
  readAttestation: true,
  writeAttestation: true,
  deleteAttestation: true,
  listStandings: true,
  listEndorsementRoots: true,
  writeEndorsementRoot: true,
  deleteEndorsementRoot: true,
  listReferenceSigners: true,
  writeReferenceSigner: true,
  deleteReferenceSigner: true,
  listReferenceValues: true,
  writeReferenceValues: true,
  deleteReferenceValues: true,
  listAttestationPolicies: true,
  writeAttestationPolicy: true,
  close: true,
}

const TRUST_METHODS: Readonly<Record<keyof TrustStore, true>> = {
  listQuarantined: true,
  writeQuarantined: true,
  deleteQuarantined: true,
  listDossiers: true,
  readDossier: true,
  writeDossiers: true,
  listConnectionPolicies: true,
  writeConnectionPolicy: true,
  deleteConnectionPolicy: true,
}

const AUDIT_METHODS: Readonly<Record<keyof AuditStore, true>> = {
  auditHead: true,
  writeAuditCheckpoint: true,
  cosignAuditCheckpoint: true,
  listAuditCheckpoints: true,
  readAuditTile: true,
  readAuditLeaves: true,
  readAuditHashes: true,
  listAuditEntries: true,
  readAuditEntries: true,
  readRecentEvents: true,
  shredAuditBodies: true,
  countAuditBodies: true,
  checkAuditLog: true,
}

/** For `serve`. Without a prototype: a caller's method name finds what is put here and nothing else. */
export function stateDispatch(random: Random, told: (events: readonly RecordedEvent[]) => void): object {
  const served: Record<string, unknown> = Object.create(null)
  served.open = async (options: Parameters<StateThread['open']>[0]): Promise<void> => {
    if ('close' in served) throw new TypeError('the state store is open already')
    const store = await openStateStore({ file: options.file, keys: options.keys, random, told })
    forget(options.keys)
    for (const name of Object.keys(METHODS)) {
      const method: unknown = Reflect.get(store, name)
      if (typeof method === 'function') served[name] = method.bind(store)
    }
    for (const name of Object.keys(TRUST_METHODS)) {
      const method: unknown = Reflect.get(store.trust, name)
      if (typeof method === 'function') served[name] = method.bind(store.trust)
    }
    for (const name of Object.keys(AUDIT_METHODS)) {
      const method: unknown = Reflect.get(store.audit, name)
      if (typeof method === 'function') served[name] = method.bind(store.audit)
    }
    const { access, backups, idempotency, models, people, sinks, reviews, tokens } = store
    const ports: ModelStore &
      SupplyStore &
      PeopleStore &
      AccessStore &
      SinkStore &
      ReviewStore &
      BackupStore &
      TokenStore &
      IdempotencyStore = {
      ...store.supply.port,
      listModels: () => models.listModels(),
      writeModel: (model, expected, because) => models.writeModel(model, expected, because),
      listPeople: () => people.listPeople(),
      changePeople: (change, because) => people.changePeople(change, because),
      deleteModel: (id, etag, because) => models.deleteModel(id, etag, because),
      listSinks: () => sinks.listSinks(),
      writeSink: (sink, write, because) => sinks.writeSink(sink, write, because),
      deleteSink: (name, etag, because) => sinks.deleteSink(name, etag, because),
      moveSink: (sink, move, because) => sinks.moveSink(sink, move, because),
      listSetAside: (name, page) => sinks.listSetAside(name, page),
      removeSetAside: (name, sequences, because) => sinks.removeSetAside(name, sequences, because),
      listReviewRecords: (page) => reviews.listReviewRecords(page),
      readReviewRecord: (kind, id) => reviews.readReviewRecord(kind, id),
      changeReviewRecords: (change, because) => reviews.changeReviewRecords(change, because),
      listTokens: () => tokens.listTokens(),
      writeToken: (token, because) => tokens.writeToken(token, because),
      deleteToken: (id, because) => tokens.deleteToken(id, because),
      listBackups: () => backups.listBackups(),
      writeBackup: (backup, because) => backups.writeBackup(backup, because),
      deleteBackup: (id, because) => backups.deleteBackup(id, because),
      reserveAnswer: (reservation) => idempotency.reserveAnswer(reservation),
      keepAnswer: (id, answer) => idempotency.keepAnswer(id, answer),
      releaseAnswer: (id) => idempotency.releaseAnswer(id),
      readAccess: () => access.readAccess(),
      changeAccess: (change, because) => access.changeAccess(change, because),
      listRoleVersions: (organisation, name) => access.listRoleVersions(organisation, name),
      countUse: (uses, keptFrom) => access.countUse(uses, keptFrom),
      listUse: (principals, sinceDay) => access.listUse(principals, sinceDay),
    }
    Object.assign(served, ports)
    served.replaceKeys = async (keys: StateKeys): Promise<void> => {
      await store.replaceKeys(keys)
      forget(keys)
    }
  }
  return served
}

/** The sealer has imported them, and these are the copies that crossed to this thread. */
function forget(keys: StateKeys): void {
  for (const key of keys.keys) key.bytes.fill(0)
}
