/** What provisioning needs from a disk. Implementers MUST make every write durable before they resolve. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Expectation, WriteOutcome } from '@holdfast/identity'

/** How a device proves that an enrolment is its own. */
export type Attestation =
  | { readonly kind: 'symmetricKey'; readonly primaryKey: string; readonly secondaryKey: string }
  /** Individual enrolment: the leaf itself. Group enrolment: the authority that signs the leaves. DER. */
  | { readonly kind: 'x509'; readonly primary: Uint8Array; readonly secondary?: Uint8Array }
  /** Individual alone. */
  | {
      readonly kind: 'tpm'
      /** TPM2B_PUBLIC, as the next. */
      readonly endorsementKey: Uint8Array
      readonly storageRootKey?: Uint8Array
      /** Certificates in DER one after the other, the endorsement key's first. */
      readonly endorsementCertificate?: Uint8Array
      /** Absent: as the hub has it. */
      readonly requireEndorsementCertificate?: boolean
    }

export interface Enrollment {
  /** Registration id of an individual enrolment, or id of the group; lower case. */
  readonly id: string
  readonly scope: 'individual' | 'group'
  readonly attestation: Attestation
  readonly status: 'enabled' | 'disabled'
  readonly etag: string
  readonly createdTime: Timestamp
  readonly updatedTime: Timestamp
  /** Individual only: the device id to assign, when it is not the registration id. */
  readonly deviceId?: string
  readonly iotEdge: boolean
  readonly reprovision: { readonly updateHubAssignment: boolean; readonly migrateDeviceData: boolean }
  readonly allocation: 'hashed' | 'geoLatency' | 'static' | 'custom'
  /** JSON texts of objects. */
  readonly initialTwin?: { readonly tags: string; readonly desired: string }
  /** JSON text of `optionalDeviceInformation`. */
  readonly deviceInformation?: string
  /** By which profile its devices get certificates for their requests; absent: they get none. */
  readonly certificateProfile?: string
}

export interface Registration {
  readonly registrationId: string
  /** The enrolment that assigned it. */
  readonly enrollmentId: string
  readonly scope: 'individual' | 'group'
  readonly deviceId: string
  readonly status: 'assigned' | 'failed' | 'disabled'
  readonly substatus:
    | 'initialAssignment'
    | 'deviceDataMigrated'
    | 'deviceDataReset'
    | 'reprovisionedToInitialAssignment'
  readonly errorCode?: number
  readonly errorMessage?: string
  readonly createdTime: Timestamp
  readonly updatedTime: Timestamp
  readonly etag: string
}

export interface Page {
  /** Strictly after this id, ascending. */
  readonly after?: string
  /** 1..1000 */
  readonly limit: number
}

/** Keeps the events that a write brings (`because`) in its transaction where it did what was asked, and nowhere else. */
export interface ProvisioningStore {
  readEnrollment(scope: Enrollment['scope'], id: string): Promise<Enrollment | undefined>
  writeEnrollment(enrollment: Enrollment, expected: Expectation, because?: Because): Promise<WriteOutcome>
  deleteEnrollment(
    scope: Enrollment['scope'],
    id: string,
    expected: Expectation,
    because?: Because,
  ): Promise<WriteOutcome>
  listEnrollments(scope: Enrollment['scope'], page: Page): Promise<readonly Enrollment[]>
  readRegistration(registrationId: string): Promise<Registration | undefined>
  writeRegistration(registration: Registration, because?: Because): Promise<void>
  deleteRegistration(registrationId: string, expected: Expectation, because?: Because): Promise<WriteOutcome>
  listRegistrations(enrollmentId: string, page: Page): Promise<readonly Registration[]>
}
