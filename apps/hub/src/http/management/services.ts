/** What the management routes need of the hub. */

import type { Api } from '@holdfast/api'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import type { EndorsementRoots } from '@holdfast/attestation'
import type { Clock, Timestamp } from '@holdfast/base'
import type { BackupOffice } from '../../backup/backup-office.ts'
import type { CustodyService } from '../../keys/custody-service.ts'
import type { LapseSource } from '@holdfast/credentials'
import type { Shredder } from '../../keys/shredder.ts'
import type { ConsumerGroups } from '../../amqp/consumer-groups.ts'
import type { Authorities, Cut, IdentityKey, Policies, Registry } from '@holdfast/identity'
import type { TelemetryReader } from '@holdfast/messaging'
import type { Commands } from '@holdfast/commands'
import type { MethodCall, MethodOutcome } from '@holdfast/methods'
import type { DigestVerification, IdempotencyStore, QueryStore } from '@holdfast/store'
import type { Uploads } from '@holdfast/uploads'
import type { AuditOffice } from '../../audit/audit-office.ts'
import type { LogReader } from '../../audit/log-reader.ts'
import type { Reviews } from '../../audit/reviews.ts'
import type { Sinks } from '../../audit/sinks.ts'
import type { Witnesses } from '../../audit/witnesses.ts'
import type { SupplyService } from '../../trust/supply/supply-service.ts'
import type { CustomerRevocations } from '../../trust/customer-revocations.ts'
import type { AuthorityService } from '../../trust/authority/authority-service.ts'
import type { PeopleOffice } from '../../people/people-office.ts'
import type { TokenOffice } from '../../people/token-office.ts'
import type { AuthorizationOffice } from '../../people/authorization-office.ts'
import type { AttestationOffice } from '../../trust/attestation-office.ts'
import type { MasqueradeOffice } from '../../trust/masquerade/masquerade-office.ts'
import type { Throttled } from '../throttled.ts'
import type { Identification } from '../../people/identification.ts'
import type { OpenStreams } from './open-streams.ts'
import type { CertificateServices } from './certificates.ts'

/** How an identity is connected now. */
export interface Connection {
  readonly since?: Timestamp
  readonly lastActivity?: Timestamp
}

/** Resolves with what became of the call, within its own time. Throws TypeError for a call that `faultOf` finds fault with. */
export interface MethodCaller {
  /** @param signal aborted when whoever called has gone, which ends the call. */
  invoke(key: IdentityKey, call: MethodCall, actor: string, signal?: AbortSignal): Promise<MethodOutcome>
}

export interface ManagementServices extends CertificateServices, Identification {
  /** Absent: there is one organisation, and neither people nor tokens. */
  readonly authorization?: AuthorizationOffice
  /** Absent: this hub keeps no operators. */
  readonly people?: PeopleOffice
  /** Of requests that go on, where others than the routes end them too. Absent: the routes keep their own. */
  readonly streams?: OpenStreams
  /** Absent: this hub knows no tokens of machines. */
  readonly tokens?: TokenOffice
  /** Absent: the audit log is not on disk. */
  readonly audit?: AuditOffice
  /** Absent: the audit log is not on disk. */
  readonly witnesses?: Pick<Witnesses, 'list' | 'add' | 'remove'>
  /** Absent: events go to nobody. */
  readonly sinks?: Sinks
  /** Absent: the audit log is not on disk. */
  readonly logReader?: LogReader
  /** Absent: the audit log is not on disk. */
  readonly reviews?: Reviews
  /** Absent: this hub takes no backups. */
  readonly backups?: BackupOffice
  /** Where answers to requests with an Idempotency-Key are kept; absent: such requests are refused. */
  readonly answers?: IdempotencyStore
  readonly clock: Clock
  readonly registry: Registry
  readonly policies: Policies
  readonly authorities: Authorities
  /** Revocation lists of the authorities. */
  readonly revocations: Pick<CustomerRevocations, 'list' | 'put' | 'remove' | 'fetchAll' | 'faultOf'>
  /** Models, manifests, claims and lives of devices. */
  readonly supply: Pick<
    SupplyService,
    'models' | 'manufacturers' | 'manifests' | 'owners' | 'claims' | 'lives' | 'transfers' | 'retirements' | 'store'
  >
  /** All that lapses some day. */
  readonly lapses: readonly LapseSource[]
  readonly sessions: {
    /** Undefined while it is not connected. */
    connectionOf(key: IdentityKey): Connection | undefined
    /** Closes every session that rests on what was taken away; resolves when the last socket is closed. */
    cutOff(cuts: readonly Cut[]): Promise<Api.Changed>
  }
  /** What anybody may ask for now. */
  readonly throttling: Throttled
  /** Measured boot. */
  readonly attestation: Pick<AttestationOffice, 'attestations' | 'references' | 'policies'>
  /** Manufacturers of TPMs that are trusted. */
  readonly endorsementRoots: Pick<EndorsementRoots, 'list' | 'add' | 'remove'>
  /** Quarantine, copies, and connection policies. */
  readonly masquerade: Pick<MasqueradeOffice, 'quarantine' | 'policies' | 'scale' | 'show' | 'clear' | 'release'>
  /** Calls of direct methods. */
  readonly methods: MethodCaller
  /** Queries over twins. */
  readonly queries: QueryStore
  /** Messages to devices. */
  readonly commands: Pick<Commands, 'send' | 'purge' | 'count'>
  /** What devices have uploaded. */
  readonly files: Pick<Uploads, 'list' | 'find' | 'read' | 'delete'>
  readonly reader: TelemetryReader
  /** Stored telemetry against the audit log. Absent: that is not on disk. */
  readonly verifyTelemetry?: () => Promise<DigestVerification>
  /** Partitions of this hub, 1 to 32. */
  readonly partitions: number
  /** Calls `listener` after each commit of telemetry, once or more; returns what ends it. */
  readonly follow: (listener: () => void) => () => void
  /** May reject with KeyError. */
  readonly keys: {
    list(): Promise<readonly Api.DataKey[]>
    rotate(actor: string): Promise<Api.DataKey>
    /** Of the telemetry key of this epoch. */
    drop(epoch: number, actor: string): Promise<Api.DataKeyDropped>
  }
  /** Where the key-encryption key lives. May reject with KeyError. */
  readonly custody: Pick<CustodyService, 'show' | 'set' | 'rotate'>
  /** The hub's own certificate authority. */
  readonly hubAuthority: Pick<
    AuthorityService,
    | 'show'
    | 'exportRoot'
    | 'verifyRoot'
    | 'removeRoot'
    | 'useRoot'
    | 'begin'
    | 'switch'
    | 'back'
    | 'finish'
    | 'progress'
  >
  /** May reject with IdentityError, KeyError, or a store's error. */
  readonly shredder: Pick<Shredder, 'shred'>
  /** Issues the listeners' certificate anew; resolves when they use it. May reject with HubCertificateError. */
  readonly renewCertificate: (actor: string) => Promise<Api.Certificate>
  readonly status: () => Promise<Api.Status>
  readonly events: {
    /** The newest `limit`, oldest of them first. */
    recent(limit: number): Promise<readonly SecurityEvent[]> | readonly SecurityEvent[]
    /** Calls `listener` with each new event; returns what ends it. `listener` does not throw and does not block. */
    subscribe(listener: (event: SecurityEvent) => void): () => void
    /** Where the routes' own events go: disclosed keys and refused requests. The hub bounds their rate. */
    readonly sink: EventSink
    /** Resolves when what the request has told is on disk; undefined where there is nothing to wait for. */
    readonly durable?: () => Promise<void> | undefined
  }
  /** The hub's name, as connection strings carry it. */
  readonly hostName: string
  readonly consumerGroups: Pick<ConsumerGroups, 'list' | 'create' | 'delete'>
  /** Where the Event Hubs-compatible endpoint listens; 0 while it is not served. */
  readonly amqpPort: number
  /** Told of errors that are nobody's fault but ours. MUST NOT throw. */
  readonly failed: (error: unknown, request: { readonly method: string; readonly path: string }) => void
}
