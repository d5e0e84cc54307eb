/**
 * The operation and registration-state documents (azure-iot.md §6).
 * Node's SDK takes `assigning`, `assigned`, `failed` and nothing else; Python's wants `operationId` while assigning.
 */

import { type Timestamp, formatTimestamp } from '@holdfast/base'
import { type CertificateInfoDocument, type CertificateSummary, formatCertificateInfo } from './certificate-facts.ts'
import { formatEtag } from './etag.ts'

export type Substatus =
  | 'initialAssignment'
  | 'deviceDataMigrated'
  | 'deviceDataReset'
  | 'reprovisionedToInitialAssignment'

/** How the device proved itself, as far as it may know. */
export type AttestationResult =
  | { readonly kind: 'symmetricKey'; readonly enrollmentGroupId?: string }
  | {
      readonly kind: 'x509'
      readonly certificate: CertificateSummary
      readonly enrollmentGroupId?: string
      readonly signingCertificate?: CertificateSummary
    }
  /** An activation blob: the device's key at the hub, for its TPM alone. Absent where the device is only looked up. */
  | { readonly kind: 'tpm'; readonly authenticationKey?: Uint8Array }

export interface RegistrationState {
  readonly registrationId: string
  readonly status: 'unassigned' | 'assigning' | 'assigned' | 'failed' | 'disabled'
  readonly createdTime: Timestamp
  readonly updatedTime: Timestamp
  /** Unquoted. */
  readonly etag: string
  /** With `assigned`. */
  readonly assignment?: { readonly assignedHub: string; readonly deviceId: string; readonly substatus: Substatus }
  /** With `failed`. */
  readonly error?: { readonly code: number; readonly message: string }
  readonly attestation?: AttestationResult
  /** What a custom allocation hands to the device: any JSON value. */
  readonly payload?: unknown
  /** For a request in the registration: DER, leaf first, root last. Told once, by the operation. */
  readonly issuedCertificateChain?: readonly Uint8Array[]
}

export interface RegistrationStateDocument {
  readonly registrationId: string
  readonly createdDateTimeUtc: string
  readonly assignedHub?: string
  readonly deviceId?: string
  readonly status: RegistrationState['status']
  readonly substatus?: Substatus
  readonly errorCode?: number
  readonly errorMessage?: string
  readonly lastUpdatedDateTimeUtc: string
  readonly etag: string
  readonly payload?: unknown
  /** Base64 of DER. */
  readonly issuedCertificateChain?: readonly string[]
  readonly symmetricKey?: { readonly enrollmentGroupId?: string }
  readonly x509?: {
    readonly certificateInfo: CertificateInfoDocument
    readonly enrollmentGroupId?: string
    readonly signingCertificateInfo?: CertificateInfoDocument
  }
  readonly tpm?: { readonly authenticationKey?: string }
}

export function formatRegistrationState(state: RegistrationState): RegistrationStateDocument {
  return {
    registrationId: state.registrationId,
    createdDateTimeUtc: formatTimestamp(state.createdTime),
    ...state.assignment,
    status: state.status,
    ...(state.error !== undefined && { errorCode: state.error.code, errorMessage: state.error.message }),
    lastUpdatedDateTimeUtc: formatTimestamp(state.updatedTime),
    etag: formatEtag(state.etag),
    ...(state.payload !== undefined && { payload: state.payload }),
    ...(state.issuedCertificateChain !== undefined && {
      issuedCertificateChain: state.issuedCertificateChain.map((der) => Buffer.from(der).toString('base64')),
    }),
    ...(state.attestation !== undefined && formatAttestationResult(state.attestation)),
  }
}

export type Operation =
  | { readonly status: 'assigning'; readonly operationId: string }
  | { readonly status: 'assigned' | 'failed'; readonly operationId: string; readonly state: RegistrationState }

export interface OperationDocument {
  readonly operationId: string
  readonly status: Operation['status']
  readonly registrationState?: RegistrationStateDocument
}

export function formatOperation(operation: Operation): OperationDocument {
  const { operationId, status } = operation
  if (operation.status === 'assigning') return { operationId, status }
  return { operationId, status, registrationState: formatRegistrationState(operation.state) }
}

function formatAttestationResult(
  attestation: AttestationResult,
): Pick<RegistrationStateDocument, 'symmetricKey' | 'x509' | 'tpm'> {
  if (attestation.kind === 'tpm') {
    const { authenticationKey: key } = attestation
    return { tpm: key === undefined ? {} : { authenticationKey: Buffer.from(key).toString('base64') } }
  }
  const group = attestation.enrollmentGroupId === undefined ? {} : { enrollmentGroupId: attestation.enrollmentGroupId }
  if (attestation.kind === 'symmetricKey') return { symmetricKey: group }
  return {
    x509: {
      certificateInfo: formatCertificateInfo(attestation.certificate),
      ...group,
      ...(attestation.signingCertificate !== undefined && {
        signingCertificateInfo: formatCertificateInfo(attestation.signingCertificate),
      }),
    },
  }
}
