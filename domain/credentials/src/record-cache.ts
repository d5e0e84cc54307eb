/** Records in memory. Exact as long as every write passes through its owner, which tells it by `put` and `forget`. */

import { LruMap } from '@holdfast/base'
import type { IssuedCertificate } from './issued-certificate.ts'
import { RECORDS_CACHED_MAX, UNKNOWN_CACHED_MAX } from './limits.ts'

export class RecordCache {
  readonly #read: (sha256: string) => Promise<IssuedCertificate | undefined>
  readonly #records = new LruMap<string, IssuedCertificate>(RECORDS_CACHED_MAX)
  readonly #unknown = new LruMap<string, true>(UNKNOWN_CACHED_MAX)
  #writes = 0

  constructor(read: (sha256: string) => Promise<IssuedCertificate | undefined>) {
    this.#read = read
  }

  /** What is in memory: the record, `unknown` when there is none, undefined when that would have to be read. */
  peek(sha256: string): IssuedCertificate | 'unknown' | undefined {
    return this.#records.get(sha256) ?? (this.#unknown.get(sha256) === true ? 'unknown' : undefined)
  }

  async read(sha256: string): Promise<IssuedCertificate | undefined> {
    const found = this.peek(sha256)
    if (found !== undefined) return found === 'unknown' ? undefined : found
    const writes = this.#writes
    const record = await this.#read(sha256)
    // A reading that was under way across a write is given to its asker and not kept.
    if (writes === this.#writes) {
      if (record === undefined) this.#unknown.set(sha256, true)
      else this.#records.set(sha256, record)
    }
    return record
  }

  put(record: IssuedCertificate): void {
    this.#writes += 1
    this.#unknown.delete(record.sha256)
    this.#records.set(record.sha256, record)
  }

  forget(sha256: string): void {
    this.#writes += 1
    this.#unknown.delete(sha256)
    this.#records.delete(sha256)
  }
}
