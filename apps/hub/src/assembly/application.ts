/** What the hub serves over HTTP, and to its operator through the local socket. */

import type { AdmissionGates } from '@holdfast/admission'
import type { Api } from '@holdfast/api'
import type { EndorsementRoots } from '@holdfast/attestation'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { Cut } from '@holdfast/identity'
import type { WebApplication } from '@holdfast/node'
import type { Provisioning } from '@holdfast/provisioning'
import type { ConsumerGroups } from '../amqp/consumer-groups.ts'
import type { DataKeys } from '../core/data-keys.ts'
import type { Desk } from '../core/desk.ts'
import type { DeviceServices } from '../core/device-services.ts'
import { metricsOf } from '../core/metrics.ts'
import type { TelemetryInlet } from '../core/telemetry-inlet.ts'
import { readTelemetryRecord } from '@holdfast/store'
import type { OpenStreams } from '../http/management/open-streams.ts'
import { hubApplication } from '../http/application.ts'
import { Shredder } from '../keys/shredder.ts'
import type { AttestationOffice } from '../trust/attestation-office.ts'
import type { AuthorizationOffice } from '../people/authorization-office.ts'
import type { CustomerRevocations } from '../trust/customer-revocations.ts'
import { lapseSources } from '../trust/lapses.ts'
import type { MasqueradeOffice } from '../trust/masquerade/masquerade-office.ts'
import type { SupplyService } from '../trust/supply/supply-service.ts'
import type { AuditRoom } from './audit.ts'
import type { BackupOffice } from '../backup/backup-office.ts'
import type { ForwardingRoom } from './forwarding.ts'
import type { Ground } from './ground.ts'
import type { Identities } from './identities.ts'
import type { Keys } from './keys.ts'
import type { TokenOffice } from '../people/token-office.ts'
import type { PeopleRoom } from './people.ts'
import type { Stores } from './storage.ts'

export interface ApplicationNeeds {
  readonly audit: AuditRoom
  readonly backups: BackupOffice
  readonly people: PeopleRoom
  readonly tokens: TokenOffice
  readonly streams: OpenStreams
  readonly forwarding: ForwardingRoom
  readonly authorization: AuthorizationOffice
  readonly keys: Keys
  readonly stores: Stores
  readonly identities: Identities
  readonly services: DeviceServices
  readonly gates: AdmissionGates
  readonly supply: SupplyService
  readonly endorsementRoots: EndorsementRoots
  readonly provisioning: Provisioning
  readonly masquerade: MasqueradeOffice
  readonly attestation: AttestationOffice
  readonly desk: Desk
  readonly inlet: TelemetryInlet
  readonly dataKeys: DataKeys
  readonly consumerGroups: ConsumerGroups
  readonly revocations: CustomerRevocations
  readonly status: () => Promise<Api.Status>
  readonly cutOff: (taken: readonly Cut[]) => Promise<Api.Changed>
}

export function openApplication(ground: Ground, needs: ApplicationNeeds): WebApplication {
  const { settings, ports, clock, random, log, events, requestFailed } = ground
  const { services, gates, supply, endorsementRoots, provisioning, masquerade, attestation } = needs
  const { desk, inlet, dataKeys, consumerGroups, revocations, status, cutOff } = needs
  const { custodyService, authority, certificate } = needs.keys
  const { storage, partitions, conditions, statistics, follow } = needs.stores
  const { state, history } = storage
  const { credentials, authorityOffice, registry, policies, revocationLists, authorities, authenticator } =
    needs.identities
  const { twins, methods, messages, files, presence, throttling } = services
  const wallOf = (monotonic: number): Timestamp =>
    timestampOf(Math.round(clock.wall() - (clock.monotonic() - monotonic)))
  return hubApplication({
    audit: needs.audit.office,
    backups: needs.backups,
    witnesses: needs.audit.witnesses,
    authorization: needs.authorization,
    people: needs.people.office,
    tokens: needs.tokens,
    streams: needs.streams,
    identifyToken: (shown) => needs.tokens.identify(shown),
    sinks: needs.forwarding.sinks,
    logReader: needs.forwarding.reader,
    reviews: needs.forwarding.reviews,
    office: needs.people.office,
    identifySession: (shown) => needs.people.identification.identify(shown),
    answers: state,
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
    verifyTelemetry: async () => history.verifyDigests(await readTelemetryRecord(state)),
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
      durable: () => events.durable(),
    },
    hostName: settings.hostnames[0],
    amqpPort: ports.amqpPort,
    consumerGroups,
    failed: requestFailed,
    connected: () => desk.connected,
    conditions: () => conditions.list(),
    metrics: {
      render: metricsOf(statistics, { log, sinks: needs.forwarding.sinks }),
      isPublic: settings.metricsOnHttps,
    },
  })
}
