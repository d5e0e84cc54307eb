/** What a device says of itself, what it shows for it, and what came of it. */

import type { Timestamp } from '@holdfast/base'
import type { RegistrationId, TpmKeys } from '@holdfast/dps'
import type { RevocationDenial } from '@holdfast/identity'
import type { Enrollment } from './store.ts'

export interface RegistrationClaim {
  readonly idScope: string
  /** As received: derived keys depend on its case. */
  readonly registrationId: string
}

/** The client certificate of a TLS connection, whose private key the peer has proved to hold. */
export interface PresentedCertificate {
  /** Upper-case hex of the leaf's DER. */
  readonly sha1: string
  readonly sha256: string
  readonly commonName: string
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
}

export interface Credentials {
  /** Text of a shared access signature. When there is one, it alone is judged. Never logged. */
  readonly token?: string
  readonly certificate?: PresentedCertificate
  /** What a device that registers says of its TPM. */
  readonly tpm?: TpmKeys
  readonly address: string
}

/** What the device proved to hold, and by which its identity will prove itself at the hub. */
export type Proof =
  /** Base64. Individual: the enrolment's keys; group: those derived from the group's for the id as received. */
  | { readonly kind: 'symmetricKey'; readonly primaryKey: string; readonly secondaryKey: string }
  | {
      readonly kind: 'x509'
      readonly certificate: PresentedCertificate
      /** DER; group only. */
      readonly signingCertificate?: Uint8Array
    }
  | {
      readonly kind: 'tpm'
      /** TPM2B_PUBLIC, as the next. */
      readonly endorsementKey: Uint8Array
      readonly storageRootKey: Uint8Array
      /** The key of the challenge that this answers; absent where it was answered before. */
      readonly activation?: Uint8Array
      /** The TPM's manufacturer by its certificate, or undefined: nobody vouches for it. */
      readonly manufacturer?: string
    }

export interface Attested {
  readonly kind: 'attested'
  readonly registrationId: RegistrationId
  readonly enrollment: Enrollment
  readonly proof: Proof
  /** When the credential ends; a connection that rests on it ends with it. */
  readonly expires: Timestamp
}

/** To the peer all of them look alike; the code is for the log. */
export type DenialCode =
  | 'bad-registration-id'
  | 'wrong-scope'
  /** No enrolment knows the id, and no group vouches for it. */
  | 'not-enrolled'
  | 'no-credential'
  | 'wrong-credential-kind'
  | 'token-malformed'
  | 'wrong-signature'
  | 'wrong-audience'
  | 'token-expired'
  | 'certificate-unknown'
  | 'common-name-differs'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'chain-untrusted'
  | RevocationDenial
  | 'enrollment-disabled'
  | 'endorsement-key-differs'
  | 'storage-root-key-differs'
  /** No certificate of a trusted manufacturer, and one is asked for. */
  | 'endorsement-unproven'
  /** The token is not signed by the key of a challenge. */
  | 'not-activated'
  | 'activation-replayed'
  /** Its device was retired, and does not come back by the same key. */
  | 'key-retired'
  /** Too many failures before; refused unseen. */
  | 'throttled'

export interface Denied {
  readonly kind: 'denied'
  readonly code: DenialCode
  /** One sentence for the log, without secrets. */
  readonly detail: string
}

export type Verdict = Attested | Denied

export function denied(code: DenialCode, detail: string): Denied {
  return { kind: 'denied', code, detail }
}
