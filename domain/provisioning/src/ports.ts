/** What provisioning needs besides its store. */

import type { Instant, Timestamp } from '@holdfast/base'
import type { CertificateSummary } from '@holdfast/dps'
import type { Authentication, Identity, KeyUseStore, RevocationDenial } from '@holdfast/identity'
import type { Endorsement } from '@holdfast/attestation'
import type { SeedSource, TpmPublic } from '@holdfast/tpm'
import type { Attested, Proof } from './claim.ts'
import type { Enrollment } from './store.ts'

/** MUST come from the system's cryptographic generator outside of tests. */
export type RandomBytes = (count: number) => Uint8Array

/** The devices of the hub. Each call resolves when the change is durable and every session it cut is closed. */
export interface DeviceDirectory {
  read(deviceId: string): Promise<Identity | undefined>
  create(device: NewDevice, actor: string): Promise<'created' | 'exists'>
  /** Changes how the device proves itself and what it is; its status stays what the operator made it. */
  update(device: NewDevice, actor: string): Promise<'updated' | 'missing'>
  writeTwin(deviceId: string, twin: { readonly tags: string; readonly desired: string }): Promise<void>
}

export interface NewDevice {
  readonly deviceId: string
  readonly authentication: Authentication
  readonly iotEdge: boolean
}

/** What is known of a certificate, all of it from the certificate itself. */
export interface CertificateFacts extends CertificateSummary {
  /** '' if there is none or more than one. */
  readonly commonName: string
  /** Whether its extensions let it sign certificates at all: a CA, whose key usage does not forbid it. */
  readonly mayIssue: boolean
}

/** Whether a chain leads to an anchor. `depth` is 1 when the anchor issued the leaf itself. */
export type ChainVerdict =
  | { readonly kind: 'trusted'; readonly depth: number }
  /** `code`: it would be trusted, but for a revocation list. */
  | { readonly kind: 'refused'; readonly reason: string; readonly code?: RevocationDenial }

/** The rules of certificates. */
export interface CertificateRules {
  /** DER from PEM, base64 of PEM or base64 of DER; undefined for text that is none of these or more than one. */
  decode(text: string): Uint8Array | undefined
  /** Certificates as DER, one after the other in their order, from PEM or base64 of DER; undefined for what is none. */
  decodeBundle(text: string): Uint8Array | undefined
  /** PEM of what `decodeBundle` made. */
  formatBundle(bundle: Uint8Array): string
  /** Whether the first certificate of a bundle is of this key. @param spki DER of SubjectPublicKeyInfo. */
  isOfKey(bundle: Uint8Array, spki: Uint8Array): boolean
  /** Undefined for bytes that are no certificate. */
  facts(certificate: Uint8Array): CertificateFacts | undefined
  /**
   * Whether `chain` (leaf first, then what the client sent) leads to `anchor`, itself a root or an intermediate, at
   * `now`: names, signatures, validity, CA flags, path lengths, strength. A leaf that is the anchor is refused.
   */
  leadsTo(chain: readonly Uint8Array[], anchor: Uint8Array, now: Timestamp): ChainVerdict
}

/** What attestation by TPM needs. */
export interface TpmParts {
  readonly seeds: SeedSource
  /** Judges an endorsement key and the certificates that came with it: DER, one after the other, the key's own first. */
  readonly vouch: (endorsementKey: TpmPublic, certificates: Uint8Array | undefined) => Promise<Endorsement>
  /** Whether enrolments that do not say ask for a certificate of a trusted manufacturer. */
  readonly requireEndorsementCertificate: boolean
  /** A TPM proves one device. */
  readonly keyUse: KeyUseStore
}

/** Slows whoever fails again and again; `FailureThrottle` of domain/identity is one. */
export interface AttemptThrottle {
  isPairSpent(address: string, key: { readonly deviceId: string }, now: Instant): boolean
  isAddressSpent(address: string, now: Instant): boolean
  succeeded(address: string, key: { readonly deviceId: string }): void
  failedAsKnown(address: string, key: { readonly deviceId: string }, now: Instant): void
  failedAsUnknown(address: string, now: Instant): void
}

/**
 * What is known of devices before they are identities: claims by their owners, and keys that were retired. Where there
 * is nothing of the kind, the calls are absent and every enrolment is one of the store.
 */
export interface SupplyRules {
  /**
   * The claim under this registration id as an individual enrolment, which then decides alone.
   * @param leaf DER of the certificate that is shown, if one is.
   */
  bindingOf(registrationId: string, leaf: Uint8Array | undefined): Promise<Enrollment | undefined>
  /** Whether what was proved is the key of a device that was retired. */
  areRetired(proof: Proof): Promise<boolean>
  /** Before the identity is made or renewed. Asking twice does nothing more. */
  assigning(attested: Attested, deviceId: string): Promise<void>
  /** The identity is there; the device hears of it only afterwards. Asking twice does nothing more. */
  assigned(attested: Attested, deviceId: string): Promise<void>
}
