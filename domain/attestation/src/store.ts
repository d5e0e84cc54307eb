/** What is kept of attestation, as the domain needs it. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Judgement, TpmState } from './judge-evidence.ts'
import type { AttestationPolicy } from './policy.ts'

export interface AttestedVerdict extends Omit<Judgement, 'state'> {
  readonly at: Timestamp
}

/** Of one device. It ends with the identity's generation: another of the same id inherits nothing. */
export interface AttestationRecord {
  readonly deviceId: string
  readonly generationId: string
  /** TPM2B_PUBLIC. */
  readonly endorsementKey: Uint8Array
  /** Hexadecimal; of one device alone. */
  readonly endorsementName: string
  /** Who vouches for the endorsement key; nobody where absent. */
  readonly manufacturer?: string
  /** TPM2B_PUBLIC. */
  readonly attestationKey: Uint8Array
  readonly attestationName: string
  readonly certifiedTime: Timestamp
  /** The last and highest that the TPM signed. */
  readonly state?: TpmState
  readonly verdict?: AttestedVerdict
}

/** The part of a record that decides what a device may do. */
export interface StoredStanding {
  readonly deviceId: string
  readonly generationId: string
  readonly verdict?: {
    readonly kind: 'trusted' | 'failed'
    readonly at: Timestamp
    /** Name of the reference values that it rests on. */
    readonly reference?: string
    /** Code of the first reason. */
    readonly reason?: string
  }
}

export interface ReferenceSigner {
  readonly name: string
  /** PEM of SubjectPublicKeyInfo. */
  readonly publicKey: string
  readonly addedTime: Timestamp
}

/** A document as it came; it is verified again whenever it is read. */
export interface StoredReferenceValues {
  readonly name: string
  readonly signer: string
  readonly document: Uint8Array
  readonly signature: Uint8Array
  readonly addedTime: Timestamp
}

/** The policy of one device, or of every device that has none and whose model has none. */
export interface StoredPolicy {
  /** Undefined: of every device. */
  readonly deviceId: string | undefined
  readonly policy: AttestationPolicy
}

/** Each write resolves when it is durable, and keeps `because` in its transaction where it did what was asked. */
export interface AttestationStore {
  readAttestation(deviceId: string): Promise<AttestationRecord | undefined>
  /** MUST refuse a generation that is not the device's, and an endorsement key that is another device's. */
  writeAttestation(
    record: AttestationRecord,
    because?: Because,
  ): Promise<'written' | 'device-missing' | 'endorsement-key-taken'>
  /** Whether there was one. */
  deleteAttestation(deviceId: string, because?: Because): Promise<boolean>
  /** By id, after `after`. */
  listStandings(page: { readonly limit: number; readonly after?: string }): Promise<readonly StoredStanding[]>
  listReferenceSigners(): Promise<readonly ReferenceSigner[]>
  writeReferenceSigner(signer: ReferenceSigner, because?: Because): Promise<void>
  /** With all that it signed. */
  deleteReferenceSigner(name: string, because?: Because): Promise<void>
  listReferenceValues(): Promise<readonly StoredReferenceValues[]>
  writeReferenceValues(values: StoredReferenceValues, because?: Because): Promise<void>
  deleteReferenceValues(name: string, because?: Because): Promise<void>
  listAttestationPolicies(): Promise<readonly StoredPolicy[]>
  /** Undefined as policy takes it away; `because` is kept where there was one. `device-missing` where there is no such device. */
  writeAttestationPolicy(
    deviceId: string | undefined,
    policy: AttestationPolicy | undefined,
    because?: Because,
  ): Promise<'written' | 'device-missing'>
}
