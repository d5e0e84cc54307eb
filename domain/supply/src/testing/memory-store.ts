/** Supply in memory, with the promises of `store.ts`. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import {
  applyLifeChange,
  type DeviceLife,
  type HistoryDraft,
  type LifeChange,
  type LifeOutcome,
} from '../device-life.ts'
import { expiryEvent, lifeEvents } from '../life-events.ts'
import type {
  HistoryEntry,
  KeyDigest,
  ManifestRecord,
  Manufacturer,
  Owner,
  Page,
  Stamp,
  SupplyStore,
  Tombstone,
  Transfer,
} from '../store.ts'
import { type ImportOutcome, judgeNewEntry, type NewEntry, planClaim, type SupplyEntry } from '../supply-entry.ts'

export class MemorySupplyStore implements SupplyStore {
  readonly manufacturers = new Map<string, Manufacturer>()
  readonly owners = new Map<string, Owner>()
  readonly manifests = new Map<string, ManifestRecord>()
  readonly entries = new Map<string, SupplyEntry>()
  readonly lives = new Map<string, DeviceLife>()
  readonly history: HistoryEntry[] = []
  readonly transfers = new Map<string, Transfer>()
  readonly tombstones: (Tombstone & { readonly sequence: number })[] = []
  /** What leads to a device; whoever deletes it takes it away. */
  readonly origins = new Map<string, { registrations: string[]; enrollments: string[] }>()
  /** Told what writes bring, where they did what was asked. */
  sink: EventSink
  #key: string | undefined

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async listManufacturers(): Promise<readonly Manufacturer[]> {
    return [...this.manufacturers.values()]
  }
  async writeManufacturer(manufacturer: Manufacturer, because?: Because): Promise<'written' | 'exists'> {
    if (this.manufacturers.has(manufacturer.name)) return 'exists'
    this.manufacturers.set(manufacturer.name, manufacturer)
    this.#record(because)
    return 'written'
  }
  async deleteManufacturer(name: string, because?: Because): Promise<boolean> {
    if (!this.manufacturers.delete(name)) return false
    this.#record(because)
    return true
  }

  async listOwners({ after, limit }: Page): Promise<readonly Owner[]> {
    return sorted([...this.owners.values()], ({ name }) => name, after).slice(0, limit)
  }
  async writeOwner(
    owner: Owner,
    bounds: { readonly ownersMax: number },
    because?: Because,
  ): Promise<'written' | 'exists' | 'too-many'> {
    if (this.owners.has(owner.name)) return 'exists'
    if (this.owners.size >= bounds.ownersMax) return 'too-many'
    this.owners.set(owner.name, owner)
    this.#record(because)
    return 'written'
  }
  async hasOwner(name: string): Promise<boolean> {
    return this.owners.has(name)
  }
  async deleteOwner(name: string, because?: Because): Promise<'deleted' | 'missing' | 'in-use'> {
    const isUsed =
      [...this.lives.values()].some(({ owner }) => owner === name) ||
      [...this.entries.values()].some(({ owner, state }) => owner === name && state !== 'retired') ||
      [...this.transfers.values()].some(({ to }) => to === name)
    if (isUsed) return 'in-use'
    if (!this.owners.delete(name)) return 'missing'
    this.#record(because)
    return 'deleted'
  }

  async writeManifest(record: ManifestRecord, because?: Because): Promise<void> {
    this.manifests.set(record.sha256, record)
    this.#record(because)
  }
  async readManifest(sha256: string): Promise<ManifestRecord | undefined> {
    return this.manifests.get(sha256)
  }
  async listManifests({ after, limit }: Page): Promise<readonly ManifestRecord[]> {
    return sorted([...this.manifests.values()], ({ sha256 }) => sha256, after).slice(0, limit)
  }

  async importEntries(entries: readonly NewEntry[]): Promise<readonly ImportOutcome[]> {
    return entries.map((entry) => {
      const all = [...this.entries.values()]
      const bySerial = this.entries.get(nameOf(entry))
      const byKey = all.find(({ key }) => key.digest === entry.key.digest)
      const byCode = entry.codeDigest === undefined ? undefined : all.find((one) => one.codeDigest === entry.codeDigest)
      const outcome = judgeNewEntry(entry, {
        ...(bySerial === undefined ? {} : { bySerial }),
        ...(byKey === undefined ? {} : { byKey }),
        ...(byCode === undefined ? {} : { byCode }),
        isKeyRetired: this.#isDead([
          { kind: 'public-key', digest: entry.key.digest },
          { kind: 'endorsement-key', digest: entry.key.digest },
        ]),
      })
      if (outcome.kind === 'imported') this.entries.set(nameOf(entry), { ...bySerial, ...entry, state: 'manufactured' })
      return outcome
    })
  }
  async readEntry(manufacturer: string, serial: string): Promise<SupplyEntry | undefined> {
    return this.entries.get(nameOf({ manufacturer, serial }))
  }
  async findEntries(serial: string): Promise<readonly SupplyEntry[]> {
    return [...this.entries.values()].filter((entry) => entry.serial === serial)
  }
  async readEntryByCode(codeDigest: string): Promise<SupplyEntry | undefined> {
    return [...this.entries.values()].find((entry) => entry.codeDigest === codeDigest)
  }
  async readBinding(registrationId: string): Promise<SupplyEntry | undefined> {
    return this.#binding(registrationId)
  }
  async listEntries({
    after,
    limit,
    state,
    owner,
  }: Parameters<SupplyStore['listEntries']>[0]): Promise<readonly SupplyEntry[]> {
    return sorted([...this.entries.values()], nameOf, after)
      .filter((one) => (state === undefined || one.state === state) && (owner === undefined || one.owner === owner))
      .slice(0, limit)
  }
  async claimEntry(
    claim: Parameters<SupplyStore['claimEntry']>[0],
    stamp: Stamp,
    because?: Because,
  ): ReturnType<SupplyStore['claimEntry']> {
    const { owner, registrationId } = claim
    const entry = this.entries.get(nameOf(claim))
    if (entry === undefined) return { kind: 'refused', code: 'missing', reason: 'no manifest has it' }
    const plan = planClaim(entry, stamp.at)
    if (plan.kind === 'refused') return plan
    if (this.#binding(registrationId) !== undefined) {
      return { kind: 'refused', code: 'id-taken', reason: 'another entry is claimed under this id' }
    }
    const claimed: SupplyEntry = { ...entry, state: 'claimed', owner, claimedTime: stamp.at, registrationId }
    this.entries.set(nameOf(entry), claimed)
    const detail = { owner, registrationId }
    this.#tell(`supply/${entry.manufacturer}/${entry.serial}`, [{ move: 'claim', to: 'claimed', detail }], stamp)
    this.#record(because)
    return { kind: 'claimed', entry: claimed }
  }
  async expireEntries(stamp: Stamp, limit: number): Promise<readonly SupplyEntry[]> {
    const due = [...this.entries.values()].filter(
      ({ state, expires }) => state === 'manufactured' && expires <= stamp.at,
    )
    return due.slice(0, limit).map((entry) => {
      const expired: SupplyEntry = { ...entry, state: 'expired' }
      this.entries.set(nameOf(entry), expired)
      this.#tell(`supply/${entry.manufacturer}/${entry.serial}`, [{ move: 'expire', detail: {} }], stamp)
      this.#record(expiryEvent(entry, stamp))
      return expired
    })
  }

  async readLife(deviceId: string): Promise<DeviceLife | undefined> {
    return this.lives.get(deviceId)
  }
  async changeLife(
    deviceId: string,
    change: Exclude<LifeChange, { kind: 'retire' }>,
    stamp: Stamp,
    because?: Because,
  ): Promise<LifeOutcome> {
    const outcome = applyLifeChange(deviceId, this.lives.get(deviceId), change, stamp.at)
    if (outcome.kind !== 'changed') return outcome
    const { life, history } = outcome
    this.lives.set(deviceId, life)
    this.#tell(`device/${deviceId}`, history, stamp)
    this.#record(lifeEvents(deviceId, history, stamp))
    this.#record(because)
    const { manufacturer, serial } = life
    const entry =
      manufacturer === undefined || serial === undefined
        ? undefined
        : this.entries.get(nameOf({ manufacturer, serial }))
    if (entry?.state === 'claimed' || entry?.state === 'provisioned') {
      if (change.kind === 'provisioned') this.entries.set(nameOf(entry), { ...entry, state: 'provisioned' })
      if (change.kind === 'transfer') {
        this.entries.set(nameOf(entry), { ...entry, state: 'claimed', owner: change.owner, claimedTime: stamp.at })
      }
    }
    return outcome
  }
  async listHistory(
    subject: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly HistoryEntry[]> {
    return this.history.filter((one) => one.subject === subject && one.sequence > page.after).slice(0, page.limit)
  }

  async offerTransfer(transfer: Transfer, stamp: Stamp, because?: Because): Promise<'offered' | 'busy'> {
    if (this.transfers.get(transfer.deviceId)?.state === 'accepted') return 'busy'
    this.transfers.set(transfer.deviceId, transfer)
    this.#tell(`device/${transfer.deviceId}`, [{ move: 'offer', detail: { to: transfer.to } }], stamp)
    this.#record(because)
    return 'offered'
  }
  async readTransfer(by: Parameters<SupplyStore['readTransfer']>[0]): Promise<Transfer | undefined> {
    if ('deviceId' in by) return this.transfers.get(by.deviceId)
    return [...this.transfers.values()].find(({ codeDigest }) => codeDigest === by.codeDigest)
  }
  async acceptTransfer(deviceId: string, codeDigest: string): Promise<boolean> {
    const transfer = this.transfers.get(deviceId)
    if (transfer?.codeDigest !== codeDigest || transfer.state !== 'offered') return false
    this.transfers.set(deviceId, { ...transfer, state: 'accepted' })
    return true
  }
  async endTransfer(deviceId: string, stamp: Stamp, because?: Because): Promise<void> {
    const transfer = this.transfers.get(deviceId)
    this.transfers.delete(deviceId)
    if (transfer?.state !== 'offered') return
    this.#tell(`device/${deviceId}`, [{ move: 'withdraw', detail: { to: transfer.to } }], stamp)
    this.#record(because)
  }
  async listAcceptedTransfers(limit: number): Promise<readonly Transfer[]> {
    return [...this.transfers.values()].filter(({ state }) => state === 'accepted').slice(0, limit)
  }

  async retireDevice(tombstone: Tombstone, because?: Because): Promise<LifeOutcome> {
    const { deviceId, generationId, reason, manufacturer, serial } = tombstone
    const change = { kind: 'retire', generationId, reason } as const
    const outcome = applyLifeChange(deviceId, this.lives.get(deviceId), change, tombstone.at)
    if (outcome.kind !== 'changed') return outcome
    this.tombstones.push({ sequence: this.tombstones.length + 1, ...tombstone })
    if (generationId === '') this.lives.delete(deviceId)
    else this.lives.set(deviceId, outcome.life)
    this.transfers.delete(deviceId)
    this.#tell(`device/${deviceId}`, outcome.history, tombstone)
    this.#record(lifeEvents(deviceId, outcome.history, tombstone))
    this.#record(because)
    if (manufacturer !== undefined && serial !== undefined) {
      const entry = this.entries.get(nameOf({ manufacturer, serial }))
      if (entry !== undefined) this.entries.set(nameOf(entry), { ...entry, state: 'retired' })
    }
    return outcome
  }
  async listLives(wanted: 'retired' | 'quarantined', limit: number): Promise<readonly DeviceLife[]> {
    return [...this.lives.values()].filter(({ state }) => state === wanted).slice(0, limit)
  }
  async listTombstones(page: Parameters<SupplyStore['listTombstones']>[0]): ReturnType<SupplyStore['listTombstones']> {
    return this.tombstones
      .filter((one) => one.sequence > page.after && (page.deviceId === undefined || one.deviceId === page.deviceId))
      .slice(0, page.limit)
  }
  async areRetired(keys: readonly KeyDigest[]): Promise<boolean> {
    return this.#isDead(keys)
  }
  async readOrigins(deviceId: string): Promise<{ readonly registrations: string[]; readonly enrollments: string[] }> {
    return this.origins.get(deviceId) ?? { registrations: [], enrollments: [] }
  }
  async supplyKey(candidate: string): Promise<string> {
    this.#key ??= candidate
    return this.#key
  }

  #record(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.sink(event)
  }

  #binding(registrationId: string): SupplyEntry | undefined {
    return [...this.entries.values()].find(
      (one) => one.registrationId === registrationId && (one.state === 'claimed' || one.state === 'provisioned'),
    )
  }

  #isDead(keys: readonly KeyDigest[]): boolean {
    const dead = this.tombstones.flatMap((tombstone) => tombstone.keys)
    return dead.some((one) => keys.some(({ kind, digest }) => kind === one.kind && digest === one.digest))
  }

  #tell(subject: string, lines: readonly HistoryDraft[], { at, actor }: Stamp): void {
    for (const line of lines) this.history.push({ ...line, sequence: this.history.length + 1, subject, at, actor })
  }
}

function nameOf({ manufacturer, serial }: { readonly manufacturer: string; readonly serial: string }): string {
  return `${manufacturer} ${serial}`
}

function sorted<T>(list: readonly T[], by: (one: T) => string, after: string): readonly T[] {
  return list.filter((one) => by(one) > after).toSorted((a, b) => (by(a) < by(b) ? -1 : 1))
}
