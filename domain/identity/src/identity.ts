/** Who a device or module is to the hub, and how it proves it. */

import type { Timestamp } from '@holdfast/base'

/** `moduleId` absent: the device itself. Ids are case-sensitive. */
export interface IdentityKey {
  readonly deviceId: string
  readonly moduleId?: string
}

/** Keys are base64 of 16 to 64 bytes; thumbprints are upper-case hex, SHA-1 (40) or SHA-256 (64). */
export type Authentication =
  | { readonly kind: 'sas'; readonly primaryKey: string; readonly secondaryKey: string }
  | { readonly kind: 'selfSigned'; readonly primaryThumbprint?: string; readonly secondaryThumbprint?: string }
  | { readonly kind: 'certificateAuthority' }
  | { readonly kind: 'none' }

export interface Identity extends IdentityKey {
  /** New at every creation, so that a re-created id is not mistaken for the old one. */
  readonly generationId: string
  /** Opaque, changes with every write; unquoted. */
  readonly etag: string
  readonly status: 'enabled' | 'disabled'
  readonly statusReason?: string
  readonly statusUpdatedTime: Timestamp
  readonly createdTime: Timestamp
  readonly authentication: Authentication
  readonly capabilities: { readonly iotEdge: boolean }
  /** Of a device: the scope of the edge device above it, which exists. */
  readonly parentScope?: string
  /** Of a module: who looks after it, as its creator said, for example `iotEdge`. */
  readonly managedBy?: string
  /** Of a device: the fleet it stands in, `organisation/site/fleet`; absent where it was given none. */
  readonly fleet?: string
}

/** What a write requires of the stored record; checked and written in one step. */
export type Expectation =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'etag'; readonly etag: string }
  | { readonly kind: 'any' }

export type WriteOutcome = 'written' | 'exists' | 'missing' | 'etag-mismatch'

/**
 * `scope-missing`: no device has the scope that the identity names as its parent's. `fleet-missing`: there is no such
 * fleet.
 */
export type IdentityWriteOutcome = WriteOutcome | 'scope-missing' | 'fleet-missing'
