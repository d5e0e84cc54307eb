/** A store of issued certificates in memory, with the rules of the port. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { type IssuedCertificate, isLive } from '../issued-certificate.ts'
import type { AfterRecord, CertificateChange, IssuedCertificateStore } from '../store.ts'

export class MemoryIssuedCertificateStore implements IssuedCertificateStore {
  readonly #records = new Map<string, IssuedCertificate>()
  readonly #profiles = new Map<string, string>()
  readonly #settings = new Map<string, string>()
  /** While true, every write rejects. */
  isBroken = false
  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  get records(): readonly IssuedCertificate[] {
    return [...this.#records.values()]
  }

  async changeIssued({ insert, moves, keep }: CertificateChange, because?: Because): Promise<boolean> {
    this.#write()
    if (moves.some(({ sha256, from }) => this.#records.get(sha256)?.state !== from)) return false
    for (const { sha256, to, at, reason, seenTime } of moves) {
      const found = this.#records.get(sha256)
      if (found === undefined) continue
      const { reason: _before, ...rest } = found
      this.#records.set(sha256, {
        ...rest,
        state: to,
        stateTime: at,
        ...(to === 'revoked' ? { reason: reason ?? 'unspecified' } : {}),
        ...(seenTime === undefined ? {} : { seenTime }),
      })
    }
    if (insert !== undefined) this.#records.set(insert.sha256, insert)
    if (keep !== undefined) {
      const retired = this.#of(keep.key).filter(({ state }) => state === 'retired')
      for (const { sha256 } of retired.slice(Math.max(keep.recordsMax - 2, 1))) this.#records.delete(sha256)
    }
    this.#tell(because)
    return true
  }

  async readIssued(sha256: string): Promise<IssuedCertificate | undefined> {
    return this.#records.get(sha256)
  }

  async readIssuedBySerial(serialNumber: string): Promise<IssuedCertificate | undefined> {
    return this.records.find((one) => one.serialNumber === serialNumber)
  }

  async listIssuedOf(
    key: IdentityKey,
    page: { readonly limit: number; readonly modules?: boolean },
  ): Promise<readonly IssuedCertificate[]> {
    const all = this.records.toReversed().filter((one) => one.key.deviceId === key.deviceId)
    return (page.modules === true ? all : this.#of(key)).slice(0, page.limit)
  }

  async listIssuedByKey(spkiSha256: string, limit: number): Promise<readonly IssuedCertificate[]> {
    return this.records
      .filter((one) => one.spkiSha256 === spkiSha256)
      .toReversed()
      .slice(0, limit)
  }

  async listIssuedByEnd(
    page: Parameters<IssuedCertificateStore['listIssuedByEnd']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    const found = this.records.filter((one) => isLive(one) && one.notAfter >= page.from && one.notAfter < page.to)
    return paged(found, ({ notAfter }) => notAfter, page)
  }

  async listIssuedDue(
    page: Parameters<IssuedCertificateStore['listIssuedDue']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    const found = this.records.filter((one) => one.state === 'current' && one.renewalTime <= page.now)
    const due = found.filter((one) => !this.#of(one.key).some(({ state }) => state === 'next'))
    return paged(due, ({ renewalTime }) => renewalTime, page)
  }

  async listIssuedRevoked(
    page: Parameters<IssuedCertificateStore['listIssuedRevoked']>[0],
  ): Promise<readonly IssuedCertificate[]> {
    const found = this.records.filter((one) => one.state === 'revoked' && one.notAfter > page.now)
    return paged(found, ({ stateTime }) => stateTime, page)
  }

  async countIssuedByIssuer(): Promise<readonly { readonly issuerSha256: string; readonly live: number }[]> {
    const counts = new Map<string, number>()
    for (const one of this.records) {
      if (isLive(one)) counts.set(one.issuerSha256, (counts.get(one.issuerSha256) ?? 0) + 1)
    }
    return [...counts].map(([issuerSha256, live]) => ({ issuerSha256, live }))
  }

  async deleteIssuedBefore(time: Timestamp, limit: number): Promise<number> {
    this.#write()
    const ended = this.records.filter((one) => one.notAfter < time).slice(0, limit)
    for (const { sha256 } of ended) this.#records.delete(sha256)
    return ended.length
  }

  async readCertificateProfile(key: IdentityKey): Promise<string | undefined> {
    return this.#profiles.get(identityText(key))
  }

  async writeCertificateProfile(key: IdentityKey, profile: string | undefined, because?: Because): Promise<void> {
    this.#write()
    if (profile === undefined) this.#profiles.delete(identityText(key))
    else this.#profiles.set(identityText(key), profile)
    this.#tell(because)
  }

  async readSetting(name: string): Promise<string | undefined> {
    return this.#settings.get(name)
  }

  async writeSetting(name: string, value: string, because?: Because): Promise<void> {
    this.#write()
    this.#settings.set(name, value)
    this.#tell(because)
  }

  #of(key: IdentityKey): readonly IssuedCertificate[] {
    return this.records.toReversed().filter((one) => identityText(one.key) === identityText(key))
  }

  #tell(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.#sink(event)
  }

  #write(): void {
    if (this.isBroken) throw new Error('the disk is broken')
  }
}

function paged(
  records: readonly IssuedCertificate[],
  timeOf: (record: IssuedCertificate) => Timestamp,
  { after, limit }: { readonly after?: AfterRecord; readonly limit: number },
): readonly IssuedCertificate[] {
  const isBefore = (one: AfterRecord, other: AfterRecord): boolean =>
    one.time < other.time || (one.time === other.time && one.sha256 < other.sha256)
  const placeOf = (record: IssuedCertificate): AfterRecord => ({ time: timeOf(record), sha256: record.sha256 })
  return records
    .filter((one) => after === undefined || isBefore(after, placeOf(one)))
    .toSorted((a, b) => (isBefore(placeOf(a), placeOf(b)) ? -1 : 1))
    .slice(0, limit)
}
