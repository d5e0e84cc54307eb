/** Puts a hub together, room by room: each stands in `assembly/`, and opens its part from what it needs of the others. */

import { join } from 'node:path'
import { AdmissionGates } from '@holdfast/admission'
import type { Api } from '@holdfast/api'
import type { Cut } from '@holdfast/identity'
import type { KeyCustody } from '@holdfast/keys'
import { type LocalSocket, listenLocally, webHandler } from '@holdfast/node'
import type { Provisioning } from '@holdfast/provisioning'
import type { Log } from '@holdfast/telemetry'
import type { AmqpOffice } from './amqp/amqp-office.ts'
import { ConsumerGroups } from './amqp/consumer-groups.ts'
import { openAmqp } from './assembly/amqp.ts'
import { openApplication } from './assembly/application.ts'
import { openAttestation } from './assembly/attestation.ts'
import { type AuditRoom, openAudit } from './assembly/audit.ts'
import { openAuthorization } from './assembly/authorization.ts'
import { openBackups } from './assembly/backups.ts'
import { afterRestore } from './backup/after-restore.ts'
import { openDataKeys } from './assembly/data-keys.ts'
import { openDesk } from './assembly/desk.ts'
import { openDeviceServices } from './assembly/device-services.ts'
import { type ForwardingRoom, openForwarding } from './assembly/forwarding.ts'
import { openGround } from './assembly/ground.ts'
import { type Identities, openIdentities } from './assembly/identities.ts'
import { type Keys, openKeys } from './assembly/keys.ts'
import { openMasquerade } from './assembly/masquerade.ts'
import { greetFirstOperator, openPeople, type PeopleRoom } from './assembly/people.ts'
import { openProvisioning, type Provisioned } from './assembly/provisioning.ts'
import { openStorage, type Stores } from './assembly/storage.ts'
import { openSupply } from './assembly/supply.ts'
import { openTokens } from './assembly/tokens.ts'
import type { BackupOffice } from './backup/backup-office.ts'
import type { DataKeys } from './core/data-keys.ts'
import type { Desk } from './core/desk.ts'
import type { DeviceServices } from './core/device-services.ts'
import type { EventLog } from './core/event-log.ts'
import { readIdScope } from './core/first-start.ts'
import { Fronts } from './core/fronts.ts'
import { hubStatus } from './core/hub-status.ts'
import type { ListenerCertificate } from './core/listener-certificate.ts'
import type { Ports } from './core/ports.ts'
import type { Statistics } from './core/statistics.ts'
import type { Storage } from './core/storage.ts'
import { TelemetryInlet } from './core/telemetry-inlet.ts'
import type { DataFolder } from './data-folder.ts'
import { OpenStreams } from './http/management/open-streams.ts'
import { isManifestUpload } from './http/manifest-address.ts'
import type { CustodyService } from './keys/custody-service.ts'
import type { AuthorizationOffice } from './people/authorization-office.ts'
import type { TokenOffice } from './people/token-office.ts'
import type { Settings } from './settings.ts'
import type { Threads } from './threads.ts'
import type { AuthorityOffice } from './trust/authority/authority-office.ts'
import { policyUpkeep } from './trust/policy-upkeep.ts'
import { CustomerRevocations } from './trust/customer-revocations.ts'
import type { DeviceCredentials } from './trust/device-credentials.ts'
import { DeviceRenewal } from './trust/device-renewal.ts'
import type { MasqueradeOffice } from './trust/masquerade/masquerade-office.ts'
import type { SupplyService } from './trust/supply/supply-service.ts'
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
  readonly audit: AuditRoom
  readonly backups: BackupOffice
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
  readonly authorization: AuthorizationOffice
  readonly people: PeopleRoom
  readonly tokens: TokenOffice
  readonly policiesUpkeep: () => Promise<void>
  readonly forwarding: ForwardingRoom
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

export async function assemble(folder: DataFolder, options: HubOptions): Promise<HubParts> {
  const ground = await openGround(folder, options)
  const { settings, threads, ports, clock, random, log, events, notices, fault } = ground
  const hostName = settings.hostnames[0]
  const cutOff = async (taken: readonly Cut[]): Promise<Api.Changed> => {
    const [{ sessions, milliseconds }, connections] = await Promise.all([desk.cutOff(taken), amqp.cutOff(taken)])
    return { sessionsClosed: sessions + connections, milliseconds: Math.round(milliseconds * 10) / 10 }
  }

  const keys: Keys = await openKeys(ground, { toListeners: (material) => fronts.renew(material) })
  const { custody, authority, certificate } = keys
  const { ring } = custody
  const stores: Stores = await openStorage(ground, { ring, desk: () => desk, services: () => services })
  const { storage, partitions, statistics, conditions } = stores
  const { state } = storage

  const audit: AuditRoom = await openAudit(ground, { keys, stores })
  const backups: BackupOffice = await openBackups(ground, { keys, stores, logKey: audit.key })
  const identities: Identities = await openIdentities(ground, { keys, state, supply: () => supply, cutOff })
  const { registry, policies, authorities, revocationLists, credentials, authorityOffice } = identities
  const authorization: AuthorizationOffice = await openAuthorization(ground, { state, registry })
  const people: PeopleRoom = await openPeople(ground, { state, authorization })
  const tokens: TokenOffice = await openTokens(ground, { state, policies, authorization, people })
  const forwarding: ForwardingRoom = await openForwarding(ground, { state, registry, authorization, people })
  const services: DeviceServices = await openDeviceServices(ground, {
    state,
    registry,
    credentials,
    desk: () => desk,
    masquerade: () => masquerade,
  })
  const { twins } = services
  const idScope = await readIdScope(state, random)
  const gates = new AdmissionGates()
  const supply: SupplyService = await openSupply(ground, {
    state,
    registry,
    twins,
    gates,
    provisioning: () => provisioned.provisioning,
    cutOff,
  })
  const provisioned: Provisioned = await openProvisioning(ground, {
    state,
    identities,
    twins,
    idScope,
    gates,
    supply,
    desk: () => desk,
  })
  const { endorsementRoots, provisioning } = provisioned
  const masquerade: MasqueradeOffice = await openMasquerade(ground, { state, twins, gates, supply })
  const attestation = await openAttestation(ground, { state, identities, gates, supply, endorsementRoots })
  const desk: Desk = openDesk(ground, {
    state,
    identities,
    services,
    gates,
    provisioning,
    masquerade,
    attestation,
    supply,
    fronts: () => fronts,
  })

  const renewal = new DeviceRenewal({
    credentials,
    store: state,
    twins,
    clock,
    events: events.sink,
    estAddress: `https://${hostName}:${ports.httpsPort}/.well-known/est`,
    fault,
  })
  const inlet = new TelemetryInlet({ log: threads.telemetry, partitions, clock, random })
  const dataKeys = openDataKeys(ground, { ring, storage, inlet, fronts: () => fronts })
  const status = hubStatus({
    clock,
    hostName,
    idScope,
    ports,
    registry,
    reader: storage.history,
    conditions,
    notices,
    authority,
    certificate,
    statistics,
    connected: () => desk.connected,
  })
  const consumerGroups = await ConsumerGroups.open({ store: state, clock })
  const streams = new OpenStreams(clock)
  const policiesUpkeep = (): Promise<void> =>
    policyUpkeep({
      policies,
      cutOff: async (cuts) => {
        streams.cut(cuts)
        await cutOff(cuts)
      },
      setNotice: (code, notice) => notices.set(code, notice),
      refusesOverdue: settings.policyKeyAge.refuses,
    })
  const revocations = new CustomerRevocations({
    lists: revocationLists,
    authorities,
    clock,
    events: events.sink,
    notices,
    cutOff,
    fault,
  })
  const application = openApplication(ground, {
    audit,
    backups,
    people,
    tokens,
    streams,
    forwarding,
    authorization,
    keys,
    stores,
    identities,
    services,
    gates,
    supply,
    endorsementRoots,
    provisioning,
    masquerade,
    attestation,
    desk,
    inlet,
    dataKeys,
    consumerGroups,
    revocations,
    status,
    cutOff,
  })
  const http = webHandler(application, `https://${hostName}`)

  const fronts = new Fronts({
    threads: threads.fronts,
    received: (front, messages) => desk.received(front, messages),
    http,
    requestFailed: fault,
  })
  const amqp: AmqpOffice = await openAmqp(ground, { stores, policies, services, consumerGroups })
  await afterRestore({ folder, dataKeys, clock, events })
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
  forwarding.sinks.start()
  await greetFirstOperator(ground, people)
  audit.witnesses.start()

  return {
    settings,
    folder,
    log,
    events,
    custody,
    custodyService: keys.custodyService,
    storage,
    audit,
    backups,
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
    people,
    tokens,
    policiesUpkeep,
    forwarding,
    authorization,
    authorityOffice,
    certificate,
    caFile: authority.rootFile,
    ports,
    idScope,
    status,
  }
}
