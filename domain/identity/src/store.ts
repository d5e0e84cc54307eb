/**
 * What the identity rules need from a disk. Implementers MUST make every write durable before they resolve, and keep the
 * events a write brings (`because`) in its transaction where it does what was asked, and nowhere else.
 */

import type { PolicyRotation } from './policy-rotation.ts'
import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { Expectation, Identity, IdentityKey, IdentityWriteOutcome, WriteOutcome } from './identity.ts'

export interface IdentityStore {
  readIdentity(key: IdentityKey): Promise<Identity | undefined>
  /**
   * A module is refused with `missing` while its device does not exist, a device with `scope-missing` while no edge
   * device has the scope it names as its parent's. A device that is no edge device any more is nobody's parent.
   */
  writeIdentity(identity: Identity, expected: Expectation, because?: Because): Promise<IdentityWriteOutcome>
  /**
   * Deleting a device deletes its modules, its session and its twin in the same step, and takes its scope away from
   * those under it.
   */
  deleteIdentity(key: IdentityKey, expected: Expectation, because?: Because): Promise<WriteOutcome>
  /** Devices by id in ascending order, strictly after `after`; at most `limit` (1..1000); of those of `within` alone. */
  listDevices(page: {
    readonly after?: string
    readonly limit: number
    readonly within?: DeviceFilter
  }): Promise<readonly Identity[]>
  listModules(deviceId: string): Promise<readonly Identity[]>
  countDevices(): Promise<{ readonly total: number; readonly enabled: number }>
  /**
   * Writes tags and desired properties of a new twin (provisioning's initial twin); replaces what is there.
   * @param because its detail is completed by `version`, of the twin after the write.
   */
  writeTwin(
    key: IdentityKey,
    twin: { readonly tags: string; readonly desired: string },
    because?: Because,
  ): Promise<void>
}

/** Devices by where they stand, and some by their ids besides. */
export interface DeviceFilter {
  /** As devices have them; '' stands for those that have none. */
  readonly fleets: readonly string[]
  readonly deviceIds: readonly string[]
}

/** The rights a shared access policy can carry. */
export type Right =
  | 'RegistryRead'
  | 'RegistryWrite'
  | 'ServiceConnect'
  | 'DeviceConnect'
  | 'ServiceConfig'
  | 'EnrollmentRead'
  | 'EnrollmentWrite'
  | 'RegistrationStatusRead'
  | 'RegistrationStatusWrite'

export interface AccessPolicy {
  readonly name: string
  readonly primaryKey: string
  readonly secondaryKey: string
  readonly rights: readonly Right[]
  /** Absent only in what an earlier version wrote. */
  readonly rotation?: PolicyRotation
}

export interface PolicyStore {
  listPolicies(): Promise<readonly AccessPolicy[]>
  writePolicy(policy: AccessPolicy, because?: Because): Promise<void>
}

/** A customer's certificate authority that device certificates may chain to once it is `verified`. */
export interface CustomerAuthority {
  readonly name: string
  /** DER of the certificate. */
  readonly certificate: Uint8Array
  readonly etag: string
  readonly createdTime: Timestamp
  /** `pending` until its owner has proved possession of the key by signing `nonce`. */
  readonly state:
    | { readonly kind: 'pending'; readonly nonce: string }
    | { readonly kind: 'verified'; readonly at: Timestamp }
}

export interface AuthorityStore {
  listAuthorities(): Promise<readonly CustomerAuthority[]>
  writeAuthority(authority: CustomerAuthority, expected: Expectation, because?: Because): Promise<WriteOutcome>
  deleteAuthority(name: string, because?: Because): Promise<WriteOutcome>
}
