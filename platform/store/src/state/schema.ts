/**
 * The tables of `state.db` as the queries see them. What the types promise (the unions, too) the tables enforce by
 * NOT NULL, STRICT and CHECK, and the check at start-up verifies. Times are milliseconds since 1970, truths 0 or 1.
 */

import type { Timestamp } from '@holdfast/base'
import type { AuditSchema } from './audit/schema.ts'
import type { AttestationSchema } from './attestation-schema.ts'
import type { BackupsSchema } from './backups-schema.ts'
import type { CommandsSchema } from './commands-schema.ts'
import type { EndorsementSchema } from './endorsement-schema.ts'
import type { ForwardingSchema } from './forwarding-schema.ts'
import type { IssuedCertificatesSchema } from './issued-certificates-schema.ts'
import type { KeyUseSchema } from './key-use-schema.ts'
import type { MoveEvidenceSchema } from './move-evidence-schema.ts'
import type { OperatorsSchema } from './operators-schema.ts'
import type { OrganisationsSchema } from './organisations-schema.ts'
import type { ReviewsSchema } from './reviews-schema.ts'
import type { RevocationListsSchema } from './revocation-lists-schema.ts'
import type { TokensSchema } from './tokens-schema.ts'
import type { IdempotencySchema } from './idempotency.ts'
import type { ModelsSchema } from './models.ts'
import type { QuarantineSchema } from './quarantine-schema.ts'
import type { SupplySchema } from './supply/schema.ts'
import type { UploadsSchema } from './uploads-schema.ts'

/** A sealed value: nonce, ciphertext, tag; see `value-sealer.ts`. */
export type Sealed = Uint8Array

/** `module_id` is '' for the device itself. `parent_module` is NULL for a device and '' for a module (foreign key). */
export interface IdentityTable {
  device_id: string
  module_id: string
  parent_module: string | null
  generation_id: string
  etag: string
  status: 'enabled' | 'disabled'
  status_reason: string | null
  status_updated_time: Timestamp
  created_time: Timestamp
  authentication: 'sas' | 'selfSigned' | 'certificateAuthority' | 'none'
  primary_key: Sealed | null
  secondary_key: Sealed | null
  seal_epoch: number | null
  primary_thumbprint: string | null
  secondary_thumbprint: string | null
  iot_edge: 0 | 1
  /** Of an edge device: the scope by which others name it as their parent. */
  device_scope: string | null
  /** The scope of the edge device above it, which exists. */
  parent_scope: string | null
  managed_by: string | null
  /** Of a device: the fleet it stands in, which exists; NULL where it was given none. */
  fleet: string | null
}

/** JSON texts of objects, as `Twin` of protocol/iothub has them. */
export interface TwinTable {
  device_id: string
  module_id: string
  version: number
  etag: string
  tags: string
  desired: string
  desired_metadata: string
  desired_version: number
  reported: string
  reported_metadata: string
  reported_version: number
}

/** Who is connected, of the identities that ever were. */
export interface PresenceTable {
  device_id: string
  module_id: string
  connected: 0 | 1
  /** When it connected, or disconnected. */
  since: Timestamp | null
  last_activity: Timestamp
  model_id: string | null
}

export interface SessionTable {
  device_id: string
  module_id: string
  /** JSON text of a list of subscriptions. */
  subscriptions: string
}

export interface PolicyTable {
  name: string
  /** JSON text of a list; authenticated with the keys. */
  rights: string
  primary_key: Sealed
  secondary_key: Sealed
  seal_epoch: number
  /** JSON: ages and uses of the keys; NULL until the policy is first written by a version that keeps them. */
  rotation: string | null
}

export interface AuthorityTable {
  name: string
  certificate: Uint8Array
  etag: string
  created_time: Timestamp
  nonce: string | null
  verified_time: Timestamp | null
}

export interface EnrollmentTable {
  scope: 'individual' | 'group'
  id: string
  attestation: 'symmetricKey' | 'x509' | 'tpm'
  primary_key: Sealed | null
  secondary_key: Sealed | null
  seal_epoch: number | null
  primary_certificate: Uint8Array | null
  secondary_certificate: Uint8Array | null
  status: 'enabled' | 'disabled'
  etag: string
  created_time: Timestamp
  updated_time: Timestamp
  device_id: string | null
  iot_edge: 0 | 1
  update_hub_assignment: 0 | 1
  migrate_device_data: 0 | 1
  allocation: 'hashed' | 'geoLatency' | 'static' | 'custom'
  initial_tags: string | null
  initial_desired: string | null
  device_information: string | null
  /** The profile by which it issues certificates; NULL: it issues none. */
  certificate_profile: string | null
  /** TPM2B_PUBLIC, as the next. */
  endorsement_key: Uint8Array | null
  storage_root_key: Uint8Array | null
  /** DER, one after the other. */
  endorsement_certificates: Uint8Array | null
  /** NULL: as the hub has it. */
  endorsement_required: 0 | 1 | null
}

export interface RegistrationTable {
  registration_id: string
  enrollment_id: string
  scope: 'individual' | 'group'
  device_id: string
  status: 'assigned' | 'failed' | 'disabled'
  substatus: 'initialAssignment' | 'deviceDataMigrated' | 'deviceDataReset' | 'reprovisionedToInitialAssignment'
  error_code: number | null
  error_message: string | null
  created_time: Timestamp
  updated_time: Timestamp
  etag: string
}

export interface SettingTable {
  name: string
  value: string
}

export interface StateSchema
  extends AuditSchema,
    IdempotencySchema,
    ModelsSchema,
    SupplySchema,
    AttestationSchema,
    BackupsSchema,
    CommandsSchema,
    EndorsementSchema,
    ForwardingSchema,
    KeyUseSchema,
    MoveEvidenceSchema,
    OperatorsSchema,
    OrganisationsSchema,
    QuarantineSchema,
    ReviewsSchema,
    RevocationListsSchema,
    TokensSchema,
    UploadsSchema,
    IssuedCertificatesSchema {
  identity: IdentityTable
  twin: TwinTable
  presence: PresenceTable
  session: SessionTable
  policy: PolicyTable
  authority: AuthorityTable
  enrollment: EnrollmentTable
  registration: RegistrationTable
  setting: SettingTable
}
