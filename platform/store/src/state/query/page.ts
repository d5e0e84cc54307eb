/** One page of a query while it fills: bounded in items and in bytes. */

import { PAGE_BYTES_MAX } from './limits.ts'
import type { Place } from './walk.ts'

export class Page {
  readonly items: string[] = []
  readonly #itemsMax: number
  #bytes = 0
  #place: Place | undefined
  #isClosed = false

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax
  }

  /** Whether an item came that belongs on the next page. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Behind the last item of the page. */
  get place(): Place | undefined {
    return this.#place
  }

  /** @returns whether the item is on the page; else the page is closed. */
  put(item: string, place: Place): boolean {
    const bytes = Buffer.byteLength(item)
    // One item always fits, or a query would never get past it.
    const isOver = this.items.length > 0 && this.#bytes + bytes > PAGE_BYTES_MAX
    if (isOver || this.items.length >= this.#itemsMax) {
      this.#isClosed = true
      return false
    }
    this.items.push(item)
    this.#bytes += bytes
    this.#place = place
    return true
  }
}
