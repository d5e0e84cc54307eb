/** What an event log says that PCRs hold (TCG PC Client Platform Firmware Profile 1.05, §10.1; TPM 2.0 Part 1 §17). */

import { hash } from 'node:crypto'
import { HASH_BYTES } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import type { EventLog, MeasuredEvent } from './event-log.ts'
import { bindsItsData, EV_NO_ACTION } from './event-types.ts'

/** PCRs that a dynamic launch begins (Part 1 §17.2): all ones until then. */
const DYNAMIC_FIRST = 17
const DYNAMIC_LAST = 22

/** One PCR as a start of the TPM leaves it. */
export function initialPcr(pcr: number, bank: HashAlgorithm, startupLocality = 0): Uint8Array {
  const value = new Uint8Array(HASH_BYTES[bank])
  if (pcr >= DYNAMIC_FIRST && pcr <= DYNAMIC_LAST) value.fill(0xff)
  if (pcr === 0) value[value.length - 1] = startupLocality
  return value
}

/** TPM2_PCR_Extend (Part 3 §22.2): the hash of the value and the digest. */
export function extendPcr(value: Uint8Array, digest: Uint8Array, bank: HashAlgorithm): Uint8Array {
  const both = new Uint8Array(value.length + digest.length)
  both.set(value)
  both.set(digest, value.length)
  return hash(bank, both, 'buffer')
}

/**
 * Values of `pcrs` in `bank` after all events of the log. A PCR without an event holds what the start left in it.
 * @throws TypeError if the log has no such bank: the caller looks at `banks` first.
 */
export function replayEvents(
  log: EventLog,
  bank: HashAlgorithm,
  pcrs: readonly number[],
): ReadonlyMap<number, Uint8Array> {
  if (!log.banks.includes(bank)) throw new TypeError(`the log is not measured with ${bank}`)
  const values = new Map(pcrs.map((pcr) => [pcr, initialPcr(pcr, bank, log.startupLocality)]))
  for (const { pcr, type, digests } of log.events) {
    const value = values.get(pcr)
    const digest = digests.get(bank)
    if (type === EV_NO_ACTION || value === undefined || digest === undefined) continue
    values.set(pcr, extendPcr(value, digest, bank))
  }
  return values
}

/** Whether the event's data is what was measured; true as well where its type promises no such thing. */
export function isDataAsMeasured(event: MeasuredEvent, bank: HashAlgorithm): boolean {
  const digest = event.digests.get(bank)
  if (digest === undefined || !bindsItsData(event.type)) return true
  return Buffer.from(digest).equals(hash(bank, event.data, 'buffer'))
}
