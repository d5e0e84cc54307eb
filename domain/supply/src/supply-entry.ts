/** An entry of a manifest as it is kept, and what is decided about it. Functions of their arguments. */

import type { Timestamp } from '@holdfast/base'
import type { DeviceModel, Requirements } from '@holdfast/models'
import type { EntryKey, KeyStorage, ManifestEntry } from './manifest-entry.ts'

export type EntryState = 'manufactured' | 'expired' | 'claimed' | 'provisioned' | 'retired'

export interface SupplyEntry {
  readonly manufacturer: string
  readonly serial: string
  readonly model: string
  readonly hardwareRevision: string
  readonly key: EntryKey
  readonly keyStorage: KeyStorage
  /** See `claim-code.ts`. */
  readonly codeDigest?: string
  readonly state: EntryState
  /** SHA-256 of the manifest's file, upper-case hex. */
  readonly manifest: string
  readonly importedTime: Timestamp
  /** Until when it waits to be claimed. */
  readonly expires: Timestamp
  readonly owner?: string
  readonly claimedTime?: Timestamp
  /** Under which it is provisioned, and the device's id. */
  readonly registrationId?: string
}

/** A new entry on its way to the store. */
export type NewEntry = Omit<SupplyEntry, 'state' | 'owner' | 'claimedTime' | 'registrationId'>

/** What became of a line. */
export type ImportOutcome =
  | { readonly kind: 'imported' }
  /** It is there already, the same in every member. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'conflict'; readonly reason: string; readonly remedy: string }

/** What the store has that a new entry can meet. */
export interface EntryNeighbours {
  readonly bySerial?: SupplyEntry
  readonly byKey?: Pick<SupplyEntry, 'manufacturer' | 'serial'>
  readonly byCode?: Pick<SupplyEntry, 'manufacturer' | 'serial'>
  readonly isKeyRetired: boolean
}

/** Decides about one new entry. An entry that has expired is taken anew when its manufacturer's word comes again. */
export function judgeNewEntry(
  entry: NewEntry,
  { bySerial, byKey, byCode, isKeyRetired }: EntryNeighbours,
): ImportOutcome {
  if (isKeyRetired) {
    return conflict('its key is that of a retired device', 'a retired device does not come back; give it another key')
  }
  if (bySerial !== undefined && !isSameEntry(entry, bySerial)) {
    return conflict(
      'this serial number is there already with other facts',
      'ask the manufacturer which of the two is right; what is there stays as it is',
    )
  }
  const isOther = (one: Pick<SupplyEntry, 'serial' | 'manufacturer'> | undefined): boolean =>
    one !== undefined && (one.serial !== entry.serial || one.manufacturer !== entry.manufacturer)
  if (isOther(byKey)) {
    return conflict('another serial number has the same key', 'two devices never share a key; ask the manufacturer')
  }
  if (isOther(byCode)) {
    return conflict('another serial number has the same claim code', 'each device needs a code of its own')
  }
  if (bySerial === undefined || bySerial.state === 'expired') return { kind: 'imported' }
  return { kind: 'duplicate' }
}

function isSameEntry(a: NewEntry, b: SupplyEntry): boolean {
  return (
    a.model === b.model &&
    a.hardwareRevision === b.hardwareRevision &&
    a.key.kind === b.key.kind &&
    a.key.digest === b.key.digest &&
    a.keyStorage === b.keyStorage &&
    a.codeDigest === b.codeDigest
  )
}

/** Whether a device with this entry could ever be what its model asks; undefined, or why not and what to do. */
export function entryConflict(
  entry: ManifestEntry,
  manufacturer: string,
  model: DeviceModel | undefined,
  requirements: Requirements | undefined,
): Extract<ImportOutcome, { kind: 'conflict' }> | undefined {
  if (model === undefined || requirements === undefined) {
    return conflict(`there is no model ${entry.model}`, "create it ('holdfast model create'), then import again")
  }
  if (model.manufacturer !== manufacturer) {
    return conflict(
      `the model ${model.id} is of ${model.manufacturer}`,
      'a manufacturer speaks for its own models only',
    )
  }
  if (!model.hardwareRevisions.includes(entry.hardwareRevision)) {
    const remedy = 'add it to the model, if it is one of it; then import again'
    return conflict(`the model ${model.id} has no hardware revision ${entry.hardwareRevision}`, remedy)
  }
  const { rules, credentials } = requirements
  if (rules.hardwareKey && entry.keyStorage === 'software') {
    return conflict(
      `the model ${model.id} asks for a key in hardware`,
      'the manufacturer says where the key lies (keyStorage), or the model is of another tier',
    )
  }
  if (rules.ownerCode && entry.codeSha256 === undefined) {
    return conflict(`the model ${model.id} asks for a claim code`, 'the manufacturer adds claimCodeSha256')
  }
  const kinds = entry.key.kind === 'endorsement-key' ? ['tpm-key'] : ['thumbprint']
  if (!credentials.some((kind) => kinds.includes(kind))) {
    const remedy = `the model allows ${credentials.join(', ')}; change it or the manifest`
    return conflict(`the model ${model.id} does not allow ${kinds.join(' or ')}`, remedy)
  }
  return undefined
}

export type ClaimPlan =
  | { readonly kind: 'claimed' }
  | { readonly kind: 'refused'; readonly code: 'already-claimed' | 'expired' | 'illegal-move'; readonly reason: string }

/** Whether an entry can be claimed now. The time decides, not only whether the sweep has come by. */
export function planClaim(entry: Pick<SupplyEntry, 'state' | 'expires'>, at: Timestamp): ClaimPlan {
  switch (entry.state) {
    case 'manufactured':
      if (at < entry.expires) return { kind: 'claimed' }
      return refusedAsExpired()
    case 'expired':
      return refusedAsExpired()
    case 'retired':
      return { kind: 'refused', code: 'illegal-move', reason: 'it is retired; a retired device does not come back' }
    default:
      return {
        kind: 'refused',
        code: 'already-claimed',
        reason: 'it is claimed already; its owner can hand it over (holdfast device transfer)',
      }
  }
}

function refusedAsExpired(): ClaimPlan {
  return {
    kind: 'refused',
    code: 'expired',
    reason: 'it was not claimed in time; import a manifest that names it again',
  }
}

function conflict(reason: string, remedy: string): Extract<ImportOutcome, { kind: 'conflict' }> {
  return { kind: 'conflict', reason, remedy }
}
