/** Who has a say in what an authenticated device may do. */

import type { Timestamp } from '@holdfast/base'
import type { Basis, IdentityKey, Lane } from '@holdfast/identity'

/** How somebody came to the hub, whether it was let in or not. */
export interface Attempt {
  readonly key: IdentityKey
  readonly address: string
  readonly transport: 'mqtt' | 'mqtt-ws' | 'https'
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly tlsVersion: string
  /** What the peer's TLS library offers and chooses, as a short digest; equal for equal libraries, not a secret. */
  readonly tlsFingerprint: string
  /** What the client says of itself: `DeviceClientType` of the user name, or `User-Agent`; percent-decoded. */
  readonly clientType?: string
  /** The model that the device names; a claim, not a proof. */
  readonly modelId?: string
  readonly certificate?: { readonly sha256: string; readonly notAfter: Timestamp }
  readonly at: Timestamp
}

/** An attempt whose credential was found good. */
export interface ConnectionFacts extends Attempt {
  readonly generationId: string
  readonly basis: Basis
  /** What the credential is good for, before the gates are asked. */
  readonly lane: Lane
}

export type GateVerdict =
  | { readonly kind: 'pass' }
  /** `code` in kebab-case and `detail`, one sentence without secrets, are for events and operators. */
  | {
      readonly kind: 'restrict'
      readonly lane: Lane
      readonly code: string
      readonly detail: string
      /** A certificate is not renewed either: what asks for it may not be the device. */
      readonly stopsRenewal?: boolean
    }
  | {
      readonly kind: 'refuse'
      readonly code: string
      readonly detail: string
      /** It may be let in a little later as it is: the client is told to try again, and not that it is not authorized. */
      readonly isTemporary?: boolean
    }

/**
 * MUST be quick: it is asked at each connection and at each request over HTTPS. When its mind changes about an identity
 * it MUST call `AdmissionGates.reconsider`; then it is asked again with the same facts.
 */
export interface AdmissionGate {
  /** In kebab-case, for events. */
  readonly name: string
  judge(facts: ConnectionFacts): GateVerdict | Promise<GateVerdict>
  /** Somebody claimed to be `attempt.key` and could not prove it; `code` is a `DenialCode`. */
  denied?(attempt: Attempt, code: string): void
  /** The connection with these facts is in its lane now; not called for requests over HTTPS. */
  admitted?(facts: ConnectionFacts): void
  /** It has ended. `reason` is a `CloseReason`, `taken-over` among them. */
  ended?(facts: ConnectionFacts, reason: string): void
}
