/** Enrolment documents as the service gives them out: never with a key or a certificate (azure-iot.md §7). */

import { type Timestamp, formatTimestamp } from '@holdfast/base'
import { type CertificateInfoDocument, type CertificateSummary, formatCertificateInfo } from './certificate-facts.ts'
import { type AllocationPolicy, type EnrollmentScope, idField } from './enrollment-document.ts'
import { formatEtag } from './etag.ts'
import { type InitialTwin, formatInitialTwin } from './initial-twin.ts'
import { type RegistrationState, type RegistrationStateDocument, formatRegistrationState } from './operation.ts'
import { formatTpmKey } from './tpm-key.ts'

export type AttestationOutput =
  | { readonly kind: 'symmetricKey' }
  | { readonly kind: 'x509'; readonly primary: CertificateSummary; readonly secondary?: CertificateSummary }
  | {
      readonly kind: 'tpm'
      readonly endorsementKey: Uint8Array
      readonly storageRootKey?: Uint8Array
      /** PEM, leaf first. */
      readonly endorsementCertificate?: string
      readonly requireEndorsementCertificate?: boolean
    }

export interface EnrollmentOutput {
  readonly scope: EnrollmentScope
  readonly id: string
  readonly attestation: AttestationOutput
  readonly status: 'enabled' | 'disabled'
  readonly iotEdge: boolean
  readonly reprovision: { readonly updateHubAssignment: boolean; readonly migrateDeviceData: boolean }
  readonly allocation: AllocationPolicy
  readonly deviceId?: string
  readonly hubs: readonly string[]
  readonly initialTwin?: InitialTwin
  /** JSON text. */
  readonly deviceInformation?: string
  readonly certificateProfile?: string
  readonly createdTime: Timestamp
  readonly updatedTime: Timestamp
  /** Unquoted. */
  readonly etag: string
  /** Individual only, once the device has registered. */
  readonly registration?: RegistrationState
}

interface X509Document {
  readonly clientCertificates?: CertificatesDocument
  readonly signingCertificates?: CertificatesDocument
}

interface CertificatesDocument {
  readonly primary: { readonly info: CertificateInfoDocument }
  readonly secondary?: { readonly info: CertificateInfoDocument }
}

export interface AttestationDocument {
  readonly type: 'symmetricKey' | 'x509' | 'tpm'
  readonly symmetricKey?: { readonly primaryKey?: string; readonly secondaryKey?: string }
  readonly x509?: X509Document
  /** Public all of it; the SDKs write back what they read, so it is there whole. */
  readonly tpm?: {
    readonly endorsementKey: string
    readonly storageRootKey?: string
    readonly endorsementCertificate?: string
    readonly requireEndorsementCertificate?: boolean
  }
}

export interface EnrollmentDocument {
  readonly registrationId?: string
  readonly enrollmentGroupId?: string
  readonly deviceId?: string
  readonly registrationState?: RegistrationStateDocument
  readonly attestation: AttestationDocument
  readonly capabilities: { readonly iotEdge: boolean }
  readonly iotHubs: readonly string[]
  readonly initialTwin?: { readonly tags: unknown; readonly properties: { readonly desired: unknown } }
  readonly etag: string
  readonly provisioningStatus: 'enabled' | 'disabled'
  readonly reprovisionPolicy: { readonly updateHubAssignment: boolean; readonly migrateDeviceData: boolean }
  readonly createdDateTimeUtc: string
  readonly lastUpdatedDateTimeUtc: string
  readonly allocationPolicy: AllocationPolicy
  readonly optionalDeviceInformation?: unknown
  readonly clientCertificateIssuancePolicy?: { readonly certificateAuthorityName: string }
  readonly credentialPolicyName?: string
}

export function formatEnrollment(enrollment: EnrollmentOutput): EnrollmentDocument {
  return {
    [idField(enrollment.scope)]: enrollment.id,
    ...(enrollment.deviceId !== undefined && { deviceId: enrollment.deviceId }),
    ...(enrollment.registration !== undefined && {
      registrationState: formatRegistrationState(enrollment.registration),
    }),
    attestation: formatAttestation(enrollment.attestation, enrollment.scope),
    capabilities: { iotEdge: enrollment.iotEdge },
    iotHubs: enrollment.hubs,
    ...(enrollment.initialTwin !== undefined && { initialTwin: formatInitialTwin(enrollment.initialTwin) }),
    etag: formatEtag(enrollment.etag),
    provisioningStatus: enrollment.status,
    reprovisionPolicy: enrollment.reprovision,
    createdDateTimeUtc: formatTimestamp(enrollment.createdTime),
    lastUpdatedDateTimeUtc: formatTimestamp(enrollment.updatedTime),
    allocationPolicy: enrollment.allocation,
    ...(enrollment.deviceInformation !== undefined && {
      optionalDeviceInformation: JSON.parse(enrollment.deviceInformation),
    }),
    // In the words of both previews, so that clients of either write back what they read.
    ...(enrollment.certificateProfile !== undefined && {
      clientCertificateIssuancePolicy: { certificateAuthorityName: enrollment.certificateProfile },
      credentialPolicyName: enrollment.certificateProfile,
    }),
  }
}

/** What `attestationmechanism` answers, and nothing else does: with `keys`, the secrets of the enrolment. */
export function formatAttestation(
  attestation: AttestationOutput,
  scope: EnrollmentScope,
  keys?: { readonly primaryKey: string; readonly secondaryKey: string },
): AttestationDocument {
  if (attestation.kind === 'symmetricKey') return { type: 'symmetricKey', symmetricKey: { ...keys } }
  if (attestation.kind === 'tpm') {
    const { endorsementKey, storageRootKey, endorsementCertificate, requireEndorsementCertificate } = attestation
    return {
      type: 'tpm',
      tpm: {
        endorsementKey: formatTpmKey(endorsementKey),
        ...(storageRootKey !== undefined && { storageRootKey: formatTpmKey(storageRootKey) }),
        ...(endorsementCertificate !== undefined && { endorsementCertificate }),
        ...(requireEndorsementCertificate !== undefined && { requireEndorsementCertificate }),
      },
    }
  }
  const certificates = {
    primary: { info: formatCertificateInfo(attestation.primary) },
    ...(attestation.secondary !== undefined && { secondary: { info: formatCertificateInfo(attestation.secondary) } }),
  }
  return {
    type: 'x509',
    x509: scope === 'individual' ? { clientCertificates: certificates } : { signingCertificates: certificates },
  }
}
