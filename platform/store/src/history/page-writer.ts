/** Cuts records, given in page order, into pages and writes them to a segment in transactions of bounded size. */

import { pageRecordBytes } from '@holdfast/messaging'
import type { Catalog } from './catalog.ts'
import type { KeyRing } from './key-ring.ts'
import { PAGE_PLAIN_BYTES, TRANSACTION_BYTES } from './limits.ts'
import { type DeviceRecord, makePage, type SealedPage } from './page.ts'

export class PageWriter {
  readonly #catalog: Catalog
  readonly #ring: KeyRing
  readonly #segment: number
  readonly #partition: number
  #records: DeviceRecord[] = []
  #bytes = 0
  #epoch = -1
  /** Where the current device's records begin in `#records`, and how many bytes stand before. */
  #runAt = 0
  #runBytesBefore = 0
  #pages: SealedPage[] = []
  #pagesBytes = 0

  constructor(options: {
    readonly catalog: Catalog
    readonly ring: KeyRing
    readonly segment: number
    readonly partition: number
  }) {
    this.#catalog = options.catalog
    this.#ring = options.ring
    this.#segment = options.segment
    this.#partition = options.partition
  }

  /** Takes the next record. @returns true when a page was made, so that it may be time for a pause. */
  add(epoch: number, record: DeviceRecord): boolean {
    const bytes = pageRecordBytes(record.record)
    let hasCut = false
    if (epoch !== this.#epoch) {
      this.#cut(this.#records.length)
      this.#epoch = epoch
      hasCut = true
    }
    const previous = this.#records.at(-1)
    if (previous !== undefined && previous.deviceId !== record.deviceId) {
      this.#runAt = this.#records.length
      this.#runBytesBefore = this.#bytes
    }
    if (this.#records.length > 0 && this.#bytes + bytes > PAGE_PLAIN_BYTES) {
      // A device that began in the second half of the page goes to the next one whole: one page to read, not two.
      this.#cut(this.#runBytesBefore >= PAGE_PLAIN_BYTES / 2 ? this.#runAt : this.#records.length)
      hasCut = true
    }
    this.#records.push(record)
    this.#bytes += bytes
    return hasCut
  }

  /** Writes what is left. The segment is complete then. */
  finish(): void {
    this.#cut(this.#records.length)
    this.#write()
  }

  #cut(count: number): void {
    const page = this.#records.slice(0, count)
    this.#records = this.#records.slice(count)
    this.#bytes = this.#records.reduce((sum, { record }) => sum + pageRecordBytes(record), 0)
    this.#runAt = 0
    this.#runBytesBefore = 0
    if (page.length === 0) return
    const key = this.#ring.sealingKeyOf(this.#epoch)
    // The epoch was dropped while its messages were on their way; they are gone like the others.
    if (key === undefined) return
    const sealed = makePage(this.#partition, page, key)
    this.#pages.push(sealed)
    this.#pagesBytes += sealed.sealed.length
    if (this.#pagesBytes >= TRANSACTION_BYTES) this.#write()
  }

  #write(): void {
    if (this.#pages.length > 0) this.#catalog.addPages(this.#segment, this.#pages)
    this.#pages = []
    this.#pagesBytes = 0
  }
}
