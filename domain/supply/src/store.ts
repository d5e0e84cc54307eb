/**
 * What this room needs from a disk. Implementers MUST make every write durable before they resolve, MUST do each call
 * in one step, and MUST never change or take away what is in the history and in the tombstones. The events of a write
 * (`because`, and those that a method names) are kept in its transaction where it does what was asked, and nowhere else.
 */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { DeviceLife, HistoryDraft, LifeChange, LifeOutcome } from './device-life.ts'
import type { EntryState, ImportOutcome, NewEntry, SupplyEntry } from './supply-entry.ts'

/** When, and by whom (`operator/local`, `policy/…`, `hub`). */
export interface Stamp {
  readonly at: Timestamp
  readonly actor: string
}

export interface Manufacturer {
  readonly name: string
  /** DER of SubjectPublicKeyInfo of the key that signs its manifests. */
  readonly publicKey: Uint8Array
  readonly addedTime: Timestamp
}

export interface Owner {
  readonly name: string
  readonly addedTime: Timestamp
}

export interface ManifestRecord {
  /** SHA-256 of the file, upper-case hex. */
  readonly sha256: string
  readonly name: string
  readonly manufacturer: string
  /** Of the last import; an import may be done again. */
  readonly importedTime: Timestamp
  readonly actor: string
  readonly counts: ImportCounts
  /** False while an import is under way, and after one that was broken off: import it again. */
  readonly isComplete: boolean
}

export interface ImportCounts {
  readonly imported: number
  readonly duplicate: number
  readonly conflict: number
  readonly malformed: number
}

export interface HistoryEntry extends HistoryDraft, Stamp {
  /** Ascending, never twice. */
  readonly sequence: number
  /** `device/ID`, or `supply/MANUFACTURER/SERIAL` of what is no device yet. */
  readonly subject: string
}

export interface Transfer {
  readonly deviceId: string
  readonly generationId: string
  readonly from?: string
  readonly to: string
  readonly codeDigest: string
  readonly offeredTime: Timestamp
  readonly expires: Timestamp
  readonly clearsTags: boolean
  /** `accepted`: what the former owner has of it is being taken away; from there it only goes forward. */
  readonly state: 'offered' | 'accepted'
}

/** A way by which a key is known again. */
export interface KeyDigest {
  /** `certificate`: SHA-1 or SHA-256 of its DER; `symmetric-key`: see `symmetricKeyDigest`. */
  readonly kind: 'public-key' | 'certificate' | 'endorsement-key' | 'symmetric-key'
  /** Upper-case hex. */
  readonly digest: string
}

export interface Tombstone extends Stamp {
  readonly deviceId: string
  readonly generationId: string
  readonly reason: string
  readonly model?: string
  readonly owner?: string
  readonly manufacturer?: string
  readonly serial?: string
  readonly keys: readonly KeyDigest[]
}

export interface Page {
  /** Strictly after this, ascending; '' begins. */
  readonly after: string
  /** 1..1000 */
  readonly limit: number
}

export interface SupplyStore {
  listManufacturers(): Promise<readonly Manufacturer[]>
  writeManufacturer(manufacturer: Manufacturer, because?: Because): Promise<'written' | 'exists'>
  deleteManufacturer(name: string, because?: Because): Promise<boolean>

  /** By name. */
  listOwners(page: Page): Promise<readonly Owner[]>
  writeOwner(
    owner: Owner,
    bounds: { readonly ownersMax: number },
    because?: Because,
  ): Promise<'written' | 'exists' | 'too-many'>
  hasOwner(name: string): Promise<boolean>
  /** `in-use` while an entry, a device or an offer names it. */
  deleteOwner(name: string, because?: Because): Promise<'deleted' | 'missing' | 'in-use'>

  /** Replaces what is there of the same file. */
  writeManifest(record: ManifestRecord, because?: Because): Promise<void>
  readManifest(sha256: string): Promise<ManifestRecord | undefined>
  /** By SHA-256. */
  listManifests(page: Page): Promise<readonly ManifestRecord[]>
  /** Judges and writes each by `judgeNewEntry`, in order, so that a later one meets an earlier one. At most 256. */
  importEntries(entries: readonly NewEntry[]): Promise<readonly ImportOutcome[]>

  readEntry(manufacturer: string, serial: string): Promise<SupplyEntry | undefined>
  /** Entries of this serial number, of whichever manufacturer; at most 10. */
  findEntries(serial: string): Promise<readonly SupplyEntry[]>
  readEntryByCode(codeDigest: string): Promise<SupplyEntry | undefined>
  /** The entry that is claimed under this registration id, if any; retired ones not. */
  readBinding(registrationId: string): Promise<SupplyEntry | undefined>
  /** By manufacturer and serial number, as `MANUFACTURER SERIAL`. */
  listEntries(page: Page & { readonly state?: EntryState; readonly owner?: string }): Promise<readonly SupplyEntry[]>
  /** As `planClaim` says, in the same step; `id-taken` when another entry is claimed under the id. Tells the history. */
  claimEntry(
    claim: {
      readonly manufacturer: string
      readonly serial: string
      readonly owner: string
      readonly registrationId: string
    },
    stamp: Stamp,
    because?: Because,
  ): Promise<
    | { readonly kind: 'claimed'; readonly entry: SupplyEntry }
    | {
        readonly kind: 'refused'
        readonly code: 'missing' | 'id-taken' | 'already-claimed' | 'expired' | 'illegal-move'
        readonly reason: string
      }
  >
  /**
   * Entries that nobody claimed until `stamp.at`, at most `limit`, now expired; with a line of history and `expiryEvent`
   * each.
   */
  expireEntries(stamp: Stamp, limit: number): Promise<readonly SupplyEntry[]>

  readLife(deviceId: string): Promise<DeviceLife | undefined>
  /**
   * Applies `applyLifeChange` and writes what comes of it with its history. The entry that the life comes from follows:
   * provisioned with it, claimed by the new owner after a transfer. Keeps `lifeEvents` of the history, then `because`.
   */
  changeLife(
    deviceId: string,
    change: Exclude<LifeChange, { kind: 'retire' }>,
    stamp: Stamp,
    because?: Because,
  ): Promise<LifeOutcome>
  /** Ascending by sequence, strictly after `after`. */
  listHistory(
    subject: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly HistoryEntry[]>

  /** Replaces an offer that waits; `busy` while one is accepted. Tells the history (`offer`). */
  offerTransfer(transfer: Transfer, stamp: Stamp, because?: Because): Promise<'offered' | 'busy'>
  readTransfer(by: { readonly deviceId: string } | { readonly codeDigest: string }): Promise<Transfer | undefined>
  /** From `offered` to `accepted`; false if it is not offered any more. */
  acceptTransfer(deviceId: string, codeDigest: string): Promise<boolean>
  /** Deletes it. A withdrawn one (`offered`) tells the history (`withdraw`), and it alone keeps `because`. */
  endTransfer(deviceId: string, stamp: Stamp, because?: Because): Promise<void>
  listAcceptedTransfers(limit: number): Promise<readonly Transfer[]>

  /**
   * Writes the tombstone and its keys, and moves life and entry to `retired`, in one step. `refused` as `planMove` says.
   * Offers of the device end. Keeps `lifeEvents` of the history, then `because`.
   */
  retireDevice(tombstone: Tombstone, because?: Because): Promise<LifeOutcome>
  /** `retired`: of identities that are still there, because their end was broken off. */
  listLives(state: 'retired' | 'quarantined', limit: number): Promise<readonly DeviceLife[]>
  /** Of one id, or all, oldest first. */
  listTombstones(page: {
    readonly deviceId?: string
    readonly after: number
    readonly limit: number
  }): Promise<readonly (Tombstone & { readonly sequence: number })[]>
  /** Whether one of these keys was a retired device's. */
  areRetired(keys: readonly KeyDigest[]): Promise<boolean>

  /** Ids of the registrations and of the individual enrolments that lead to a device. */
  readOrigins(
    deviceId: string,
  ): Promise<{ readonly registrations: readonly string[]; readonly enrollments: readonly string[] }>

  /** The key under which codes are kept, base64: `candidate` becomes it where there is none. */
  supplyKey(candidate: string): Promise<string>
}
