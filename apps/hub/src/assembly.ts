/** Puts a hub together: opens what lasts, joins the threads, and hands each part what it needs of the others. */

import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { AdmissionGates } from '@holdfast/admission'
import type { Api } from '@holdfast/api'
import { type Timestamp, timestampOf } from '@holdfast/base'
import { FEEDBACK_CONTENT_TYPE } from '@holdfast/commands'
import {
  Authenticator,
  Authorities,
  type Cut,
  FailureThrottle,
  KeyRegister,
  Policies,
  Registry,
  RevocationLists,
} from '@holdfast/identity'
import { KeyCustody, openKeyFolder, readSecretFile } from '@holdfast/keys'
import { type LocalSocket, listenLocally, webHandler } from '@holdfast/node'
import { systemClock } from '@holdfast/node/clock'
import { EndorsementRoots } from '@holdfast/attestation'
import { systemSeedSource } from '@holdfast/tpm-device'
import { pkiRules, Provisioning, registryDirectory } from '@holdfast/provisioning'
import { createLog, eventLog, type Log } from '@holdfast/telemetry'
import { AmqpOffice } from './amqp/amqp-office.ts'
import { ConsumerGroups } from './amqp/consumer-groups.ts'
import { eventHubName } from './amqp/event-hub-name.ts'
import { Conditions } from './core/conditions.ts'
import { DataKeys } from './core/data-keys.ts'
import { Desk } from './core/desk.ts'
import { DeviceServices } from './core/device-services.ts'
import { EventLog } from './core/event-log.ts'
import { readCreation, readIdScope } from './core/first-start.ts'
import { Fronts } from './core/fronts.ts'
import { HubAuthority } from './core/hub-authority.ts'
import { hubStatus } from './core/hub-status.ts'
import { ListenerCertificate } from './core/listener-certificate.ts'
import { metricsOf } from './core/metrics.ts'
import { Notices } from './core/notices.ts'
import { choosePorts, type Ports } from './core/ports.ts'
import { NO_PROGRESS, Statistics } from './core/statistics.ts'
import { Storage } from './core/storage.ts'
import { TelemetryInlet } from './core/telemetry-inlet.ts'
import { NOTIFICATION_CONTENT_TYPE } from './core/upload-service.ts'
import type { DataFolder } from './data-folder.ts'
import { hubApplication } from './http/application.ts'
import { isManifestUpload } from './http/manifest-address.ts'
import { mqttProvisioning } from './http/provisioning/index.ts'
import { CustodyService } from './keys/custody-service.ts'
import { authorityHomes } from './keys/authority-homes.ts'
import { keyHomes } from './keys/key-homes.ts'
import { Shredder } from './keys/shredder.ts'
import type { Settings } from './settings.ts'
import { AttestationOffice } from './trust/attestation-office.ts'
import { hubOwnedDevices } from './trust/supply/owned-devices.ts'
import { SupplyService } from './trust/supply/supply-service.ts'
import type { Threads } from './threads.ts'
import { lapseSources } from './trust/lapses.ts'
import { AuthorityOffice } from './trust/authority/authority-office.ts'
import { DeviceCredentials, mayBeIssued, registrationCertificates } from './trust/device-credentials.ts'
import { MasqueradeOffice } from './trust/masquerade/masquerade-office.ts'
import { certificatesOverMqtt, DeviceRenewal } from './trust/device-renewal.ts'
import { CustomerRevocations } from './trust/customer-revocations.ts'
import { publicationAt } from './trust/publication/publication-address.ts'
import { readWeakKeys } from './trust/weak-key-folder.ts'
import { VERSION } from './version.ts'

export interface HubOptions {
  readonly settings: Settings
  /** Where finished log lines go. */
  readonly writeLog: (line: string) => void
  readonly threads: Threads
}

export interface HubParts {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly log: Log
  readonly events: EventLog
  readonly custody: KeyCustody
  readonly custodyService: CustodyService
  readonly storage: Storage
  readonly fronts: Fronts
  readonly amqp: AmqpOffice
  readonly inlet: TelemetryInlet
  readonly services: DeviceServices
  readonly desk: Desk
  readonly masquerade: MasqueradeOffice
  readonly provisioning: Provisioning
  readonly socket: LocalSocket
  readonly statistics: Statistics
  readonly dataKeys: DataKeys
  readonly credentials: DeviceCredentials
  readonly renewal: DeviceRenewal
  readonly supply: SupplyService
  readonly revocations: CustomerRevocations
  readonly authorityOffice: AuthorityOffice
  readonly certificate: ListenerCertificate
  /** Path of the root's certificate, which clients must trust. */
  readonly caFile: string
  readonly ports: Ports
  readonly idScope: string
  readonly status: () => Promise<Api.Status>
}

const SOCKET = 'hub.sock'
const random = (bytes: number): Uint8Array<ArrayBuffer> => randomFillSync(new Uint8Array(bytes))

export async function assemble(folder: DataFolder, { settings, writeLog, threads }: HubOptions): Promise<HubParts> {
  const clock = systemClock
  const log = createLog({ format: settings.logFormat, level: settings.logLevel, write: writeLog })
  const events = new EventLog(eventLog(log), clock)
  const fault = (error: unknown): void => log.error('internal fault', { error })
  const ports = await choosePorts({ ...settings, address: settings.listen })

  const environment = { clock, random, mayCreate: !Storage.isThere(folder) }
  const notices = new Notices(({ code, detail, advice }) => log.warn(`notice: ${detail}; ${advice}`, { code }))
  const keyFolder = await openKeyFolder(folder.at('keys'))
  const keySettings = settings.keys
  const homes = { folder: keyFolder, environment, settings: keySettings, credentials: settings.credentials }
  const kinds = keyHomes(homes)
  const first = keySettings.wish === undefined ? {} : { first: keySettings.wish }
  const custody = await KeyCustody.open({ folder: keyFolder, environment, kinds, ...first })
  const { ring } = custody
  const custodyService = new CustodyService({
    custody,
    notices,
    events: events.sink,
    clock,
    configured: keySettings.wish,
  })
  await custodyService.follow()
  const { rootPassphraseFile: rootFile } = settings
  const tokens = authorityHomes(custody.home, homes)
  const authority = await HubAuthority.open({
    folder: await openKeyFolder(folder.at('ca')),
    ring,
    clock,
    random,
    events: events.sink,
    hostNames: settings.hostnames,
    keys: tokens.keys,
    rootPassphrase: rootFile === undefined ? undefined : () => readSecretFile(rootFile),
    publicationOf: publicationAt({ hostName: settings.hostnames[0], httpsPort: ports.httpsPort }),
  })

  const certificate: ListenerCertificate = new ListenerCertificate({
    authority,
    clock,
    random,
    toListeners: (material) => fronts.renew(material),
  })

  const conditions = new Conditions(clock, events.sink)
  const followers = new Set<() => void>()
  const statistics: Statistics = new Statistics({
    monotonic: () => clock.monotonic(),
    connected: () => desk.connected,
    desk: () => desk.counters,
    throttling: () => services.throttling,
    methods: () => services.methods,
  })
  const { storage, partitions } = await Storage.open({
    folder,
    threads,
    partitions: settings.partitions,
    stateKeys: {
      current: ring.current('state').epoch,
      keys: ring.usable('state').map(({ epoch, bytes }) => ({ epoch, bytes: bytes.slice() })),
    },
    telemetryKeys: ring.usable('telemetry').map(({ epoch, bytes }) => ({ epoch, key: bytes.slice() })),
    retention: { ageMs: Math.round(settings.retentionMs), bytesMax: settings.retentionBytes },
    regroupAgeMs: settings.regroupAgeMs,
    onProgress: (progress) => {
      statistics.progressed(progress)
      conditions.set('log', progress.unavailable)
      for (const follower of followers) follower()
    },
    onHistory: (event) => {
      if (event.kind === 'blocked') {
        const [first] = event.blocked
        conditions.set('history', event.unavailable ?? (first === undefined ? undefined : JSON.stringify(first)))
      } else if (event.kind === 'dropped') {
        const { partition, reason, messages } = event.dropped
        const detail = { reason, messages }
        events.sink({
          type: 'telemetry.retired',
          at: clock.wall(),
          subject: `partition/${partition}`,
          actor: 'hub',
          detail,
        })
      }
    },
  })
  const { state, history } = storage
  const { partitions: ends } = await storage.log.statistics()
  statistics.progressed({ ...NO_PROGRESS, nextSequences: ends.map(({ nextSequence }) => nextSequence) })

  const shared = { clock, random, events: events.sink, hostNames: settings.hostnames }
  const keyRegister = new KeyRegister({ ...shared, store: state, weak: readWeakKeys(folder.at('weak-keys'), notices) })
  const credentials: DeviceCredentials = await DeviceCredentials.open({
    ...shared,
    keys: keyRegister,
    store: state,
    issuer: authority,
    registry: () => registry,
    close: (taken) => cutOff(taken),
    fault,
  })
  const authorityOffice = await AuthorityOffice.open({
    authority,
    certificate,
    issued: credentials.issued,
    store: state,
    notices,
    clock,
    events: events.sink,
    cutOff: (taken) => cutOff(taken),
    closeTokens: () => tokens.close(),
    fault,
  })
  const registry: Registry = new Registry({
    ...shared,
    store: state,
    changed: (change) => credentials.changed(change),
    areRetired: async ([primaryKey = '', secondaryKey = primaryKey]) =>
      supply.rules.areRetired({ kind: 'symmetricKey', primaryKey, secondaryKey }),
  })
  const policies = await Policies.open({ ...shared, store: state })
  const revocationLists = await RevocationLists.open({ ...shared, store: state })
  const authorities = await Authorities.open({ ...shared, store: state, revocations: revocationLists })
  const services: DeviceServices = await DeviceServices.open({
    settings,
    state,
    blobs: folder.at('blobs'),
    registry,
    clock,
    random,
    events,
    publish: (key, publication) => desk.publish(key, publication),
    laneOf: (key) => desk.laneOf(key),
    mayUpload: (deviceId) => masquerade.quarantine.find({ deviceId }) === undefined,
    vetReport: (key, patch) => masquerade.vet(key, patch),
    certificates: certificatesOverMqtt(credentials.service, (key) => desk.standingOf(key)),
    fault,
  })
  const { twins, methods, messages, files, presence, throttling } = services
  const idScope = await readIdScope(state, random)
  const gates = new AdmissionGates()
  const supply = await SupplyService.open({
    store: state,
    spool: folder.at('manifests'),
    registry,
    devices: hubOwnedDevices({
      registry,
      provisioning: () => provisioning,
      twins,
      store: state,
      scrub: () => state.scrub(),
      cutOff: (taken) => cutOff(taken),
    }),
    hasEnrollment: async (id) => (await state.readEnrollment('individual', id)) !== undefined,
    gates,
    clock,
    random,
    events: events.sink,
    frequentEvents: events.throttled,
    claimLifeMs: settings.claimLifeMs,
    fault,
  })
  const endorsementRoots = await EndorsementRoots.open({
    store: state,
    clock,
    events: events.sink,
    damaged: (what, error) => log.error('left out, because it does not hold', { what, error }),
  })
  const provisioning: Provisioning = new Provisioning({
    tpm: {
      seeds: systemSeedSource,
      vouch: async (endorsementKey, certificates) => endorsementRoots.vouch(endorsementKey, certificates),
      requireEndorsementCertificate: settings.requireEndorsementCertificate,
      keyUse: state,
    },
    supply: supply.rules,
    ...shared,
    idScope,
    store: state,
    devices: {
      ...registryDirectory(registry, (cuts) => desk.cutOff(cuts)),
      writeTwin: async (deviceId, initial) => {
        await twins.reset({ deviceId }, initial, 'hub')
      },
    },
    issuing: registrationCertificates(credentials.service, (key) => mayBeIssued(gates, registry, clock, key)),
    certificates: pkiRules(revocationLists),
    throttle: new FailureThrottle(),
  })
  const failed = (error: unknown, request: { readonly method: string; readonly path: string }): void =>
    log.error('request failed', { error, ...request })
  const authenticator = new Authenticator({
    ...shared,
    registry,
    policies,
    authorities,
    keys: keyRegister,
    issued: credentials.issued,
  })
  const masquerade: MasqueradeOffice = await MasqueradeOffice.open({
    store: state,
    clock,
    random,
    scale: settings.masqueradeScale,
    events: events.sink,
    throttledEvents: events.throttled,
    gates,
    twins,
    models: { policyOf: (key) => supply.connectionPolicyOf(key), load: (key) => supply.load(key) },
    fault,
  })
  supply.follow({
    list: () => masquerade.quarantine.list(),
    subscribe: (listener) => events.subscribe(listener),
  })
  const attestation = await AttestationOffice.open({
    store: state,
    clock,
    random,
    acts: events.sink,
    events: events.frequent,
    gates: supply.before(gates),
    registry,
    models: {
      modelOf: (deviceId) => supply.modelOf(deviceId),
      policyOf: (deviceId) => supply.attestationPolicyOf(deviceId),
      load: (key) => supply.load(key),
    },
    vouch: async (endorsementKey, certificates) => endorsementRoots.vouch(endorsementKey, certificates),
    keys: keyRegister,
    damaged: (what, error) => log.error('left out, because it does not hold', { what, error }),
  })
  const desk = new Desk({
    authenticator,
    gates,
    provisioning,
    answerProvisioning: mqttProvisioning(provisioning, { clock, random, failed }),
    sessions: state,
    clock,
    events: events.throttled,
    toFront: (front, message) => fronts.send(front, message),
    handlers: [
      masquerade.handlers,
      ...services.handlers,
      attestation.handlers,
      supply.handlers,
      authorityOffice.witness,
    ],
    fault,
  })

  const renewal = new DeviceRenewal({
    credentials,
    store: state,
    twins,
    clock,
    events: events.sink,
    estAddress: `https://${settings.hostnames[0]}:${ports.httpsPort}/.well-known/est`,
    fault,
  })
  const inlet = new TelemetryInlet({ log: threads.telemetry, partitions, clock, random })
  const dataKeys = new DataKeys({
    ring,
    clock,
    events: events.sink,
    telemetryKeyMs: settings.telemetryKeyMs,
    toReaders: (keys) => history.setKeys(keys),
    toFronts: ({ epoch, key }) => {
      inlet.useKey(epoch, key)
      fronts.broadcast({ kind: 'data-key', epoch, key })
    },
    toState: (keys) =>
      state.replaceKeys({
        current: ring.current('state').epoch,
        keys: keys.map(({ epoch, key }) => ({ epoch, bytes: key })),
      }),
    resealState: async () => (await state.reseal()).isDone,
    stateEpochs: () => state.sealEpochs(),
    forget: async (epoch) => (await history.dropEpoch(epoch)).messages,
  })

  const hostName = settings.hostnames[0]
  const status = hubStatus({
    clock,
    hostName,
    idScope,
    ports,
    registry,
    reader: history,
    conditions,
    notices,
    authority,
    certificate,
    statistics,
    connected: () => desk.connected,
  })
  const consumerGroups = await ConsumerGroups.open({ store: state, clock, events: events.sink })
  const follow = (listener: () => void): (() => void) => {
    followers.add(listener)
    return () => followers.delete(listener)
  }
  const wallOf = (monotonic: number): Timestamp =>
    timestampOf(Math.round(clock.wall() - (clock.monotonic() - monotonic)))
  const cutOff = async (taken: readonly Cut[]): Promise<Api.Changed> => {
    const [{ sessions, milliseconds }, connections] = await Promise.all([desk.cutOff(taken), amqp.cutOff(taken)])
    return { sessionsClosed: sessions + connections, milliseconds: Math.round(milliseconds * 10) / 10 }
  }
  const revocations = new CustomerRevocations({
    lists: revocationLists,
    authorities,
    clock,
    events: events.sink,
    notices,
    cutOff,
    fault,
  })
  const application = hubApplication({
    clock,
    random,
    authenticator,
    gates,
    masquerade,
    credentials: credentials.service,
    issuer: authority,
    attestation,
    endorsementRoots,
    supply,
    uploads: files.uploads,
    files: files.uploads,
    address: { hostNames: settings.hostnames, httpsPort: ports.httpsPort },
    appendTelemetry: (origin, items) => inlet.append(origin, items),
    active: (key) => services.active(key),
    registry,
    policies,
    authorities,
    revocations,
    lapses: lapseSources({ issued: state, authorities, enrollments: state, revocationLists, hub: authority }),
    provisioning,
    sessions: {
      connectionOf: (key) => {
        const connection = desk.connectionOf(key)
        return connection && { since: wallOf(connection.since), lastActivity: wallOf(connection.lastActivity) }
      },
      cutOff,
    },
    throttling,
    methods,
    commands: messages.commands,
    feedback: messages.feedback,
    twins,
    presence,
    queries: state,
    reader: history,
    partitions,
    follow,
    keys: {
      list: () => Promise.resolve(dataKeys.list()),
      rotate: (actor) => dataKeys.rotate(actor),
      drop: (epoch, actor) => dataKeys.drop(epoch, actor),
    },
    custody: custodyService,
    shredder: new Shredder({
      registry,
      files: files.uploads,
      cutOff,
      scrub: () => state.scrub(),
      renewState: (actor) => dataKeys.renewState(actor),
      rotateKeyEncryptionKey: (actor) => custodyService.rotate(actor),
      events: events.sink,
      clock,
    }),
    hubAuthority: authorityOffice.service,
    publication: authorityOffice.publication,
    rootsFetched: (key) => authorityOffice.witness.fetched(key),
    renewCertificate: (actor) => certificate.renew(actor),
    status,
    events: {
      recent: (limit) => events.recent(limit),
      subscribe: (listener) => events.subscribe(listener),
      sink: events.throttled,
    },
    hostName,
    amqpPort: ports.amqpPort,
    consumerGroups,
    failed,
    connected: () => desk.connected,
    conditions: () => conditions.list(),
    metrics: { render: metricsOf(statistics, log), isPublic: settings.metricsOnHttps },
  })
  const http = webHandler(application, `https://${hostName}`)

  const fronts = new Fronts({
    threads: threads.fronts,
    received: (front, messages) => desk.received(front, messages),
    http,
    requestFailed: fault,
  })
  const amqp: AmqpOffice = new AmqpOffice({
    about: {
      hostName,
      amqpPort: ports.amqpPort,
      entity: eventHubName(hostName),
      partitions,
      createdAt: await readCreation(state, clock.wall()),
    },
    groups: consumerGroups,
    policies,
    clock,
    events: events.throttled,
    commands: messages.commands,
    throttling,
    queues: {
      feedback: { contentType: FEEDBACK_CONTENT_TYPE, listen: (ready) => messages.feedback.listen(ready) },
      'file-notifications': {
        contentType: NOTIFICATION_CONTENT_TYPE,
        listen: (ready) => files.notifications.listen(ready),
      },
    },
    follow,
    nextSequences: () => statistics.progress.nextSequences,
    fronts: threads.fronts,
    failed: fault,
  })
  await dataKeys.rotateIfDue()
  await dataKeys.distribute()
  const socket = await listenLocally(join(folder.path, SOCKET), http, isManifestUpload)
  await fronts.listen({
    partitions,
    listeners: { address: settings.listen, ...ports, tls: certificate.material() },
  })
  events.sink({
    type: 'hub.started',
    at: clock.wall(),
    subject: 'hub',
    actor: 'hub',
    detail: { version: VERSION, ...ports },
  })

  return {
    settings,
    folder,
    log,
    events,
    custody,
    custodyService,
    storage,
    fronts,
    amqp,
    inlet,
    services,
    desk,
    masquerade,
    provisioning,
    socket,
    statistics,
    dataKeys,
    revocations,
    credentials,
    renewal,
    supply,
    authorityOffice,
    certificate,
    caFile: authority.rootFile,
    ports,
    idScope,
    status,
  }
}
