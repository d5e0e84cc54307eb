/**
 * Logs of a measured boot: the crypto-agile form and that of SHA-1 alone (TCG PC Client Platform Firmware Profile 1.05,
 * §10.2). Little-endian. A log says how the values of PCRs came about, and proves nothing until it replays to values that
 * a TPM has signed (`event-replay.ts`).
 */

import { HASH_BYTES, hashAlgorithmOrNone } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import { EVENT_BANKS_MAX, EVENT_LOG_BYTES_MAX, EVENTS_MAX, PCRS } from './event-limits.ts'
import { EV_NO_ACTION } from './event-types.ts'

export interface MeasuredEvent {
  /** Its place in the log, from 0, the header counted. */
  readonly index: number
  /** 0 to 23. */
  readonly pcr: number
  readonly type: number
  /** One for every bank of the log. */
  readonly digests: ReadonlyMap<HashAlgorithm, Uint8Array>
  /** As the log has it; a view into what was decoded. Nobody vouches for it, see `bindsItsData`. */
  readonly data: Uint8Array
}

export interface EventLog {
  /** Banks in which every event is measured. */
  readonly banks: readonly HashAlgorithm[]
  /** From where the TPM was started (§10.4.5.3): 0, 3, or 4 when a hardware root measured before. */
  readonly startupLocality: 0 | 3 | 4
  readonly events: readonly MeasuredEvent[]
}

const SPEC_ID_2 = 'Spec ID Event03\0'
/** Of TPM 1.2 firmware; what follows is measured with SHA-1 alone. */
const SPEC_ID_1 = 'Spec ID Event00\0'
const STARTUP_LOCALITY = 'StartupLocality\0'
const SHA1_BYTES = 20

/**
 * Decodes a whole log; nothing may be left over.
 * @throws TpmError `malformed`, `truncated`, `too-large` above 512 KiB or 8,192 events, `unsupported` for a log without any hash we know.
 */
export function decodeEventLog(bytes: Uint8Array): EventLog {
  if (bytes.length > EVENT_LOG_BYTES_MAX) {
    throw new TpmError('too-large', `an event log has at most ${EVENT_LOG_BYTES_MAX} bytes`)
  }
  const reader = new LogReader(bytes)
  const first = readSha1Event(reader, 0)
  const algorithms = first.type === EV_NO_ACTION && first.pcr === 0 ? algorithmsOf(first.data) : undefined
  const events: MeasuredEvent[] = [first]
  while (!reader.isAtEnd) {
    if (events.length >= EVENTS_MAX) throw new TpmError('too-large', `an event log has at most ${EVENTS_MAX} events`)
    const index = events.length
    events.push(algorithms === undefined ? readSha1Event(reader, index) : readEvent(reader, index, algorithms))
  }
  const banks = algorithms === undefined ? (['sha1'] as const) : namesOf(algorithms)
  if (banks.length === 0) throw new TpmError('unsupported', 'the log is measured with no hash that is known here')
  return { banks, startupLocality: localityOf(events), events }
}

/** Sizes of digests by algorithm, in the header's order. */
type Algorithms = ReadonlyMap<number, number>

function namesOf(algorithms: Algorithms): readonly HashAlgorithm[] {
  return [...algorithms.keys()].map(hashAlgorithmOrNone).filter((name) => name !== undefined)
}

/** TCG_EfiSpecIDEvent (§10.4.5.1); undefined where the log is of SHA-1 alone. */
function algorithmsOf(data: Uint8Array): Algorithms | undefined {
  if (startsWith(data, SPEC_ID_1)) return undefined
  if (!startsWith(data, SPEC_ID_2)) return undefined
  const reader = new LogReader(data)
  // Signature, platform class, versions, errata, size of a native word.
  reader.take(SPEC_ID_2.length + 4 + 4)
  const count = reader.u32()
  if (count === 0 || count > EVENT_BANKS_MAX) {
    throw new TpmError('malformed', `the header names 1 to ${EVENT_BANKS_MAX} hashes`)
  }
  const algorithms = new Map<number, number>()
  for (let i = 0; i < count; i += 1) {
    const algorithm = reader.u16()
    const size = reader.u16()
    const name = hashAlgorithmOrNone(algorithm)
    if (algorithms.has(algorithm)) throw new TpmError('malformed', 'the header names a hash twice')
    if (size === 0 || size > 64 || (name !== undefined && HASH_BYTES[name] !== size)) {
      throw new TpmError('malformed', 'the header gives a hash a size that it has not')
    }
    algorithms.set(algorithm, size)
  }
  reader.take(reader.u8())
  if (!reader.isAtEnd) throw new TpmError('trailing', 'bytes are left over in the header of the log')
  return algorithms
}

/** TCG_PCR_EVENT (§10.2.1). */
function readSha1Event(reader: LogReader, index: number): MeasuredEvent {
  const pcr = reader.pcr()
  const type = reader.u32()
  const digests = new Map<HashAlgorithm, Uint8Array>([['sha1', reader.take(SHA1_BYTES)]])
  return { index, pcr, type, digests, data: reader.take(reader.u32()) }
}

/** TCG_PCR_EVENT2 (§10.2.2): one digest for each hash of the header, in any order. */
function readEvent(reader: LogReader, index: number, algorithms: Algorithms): MeasuredEvent {
  const pcr = reader.pcr()
  const type = reader.u32()
  const count = reader.u32()
  if (count !== algorithms.size) throw new TpmError('malformed', `event ${index} is not measured with every hash`)
  const seen = new Set<number>()
  const digests = new Map<HashAlgorithm, Uint8Array>()
  for (let i = 0; i < count; i += 1) {
    const algorithm = reader.u16()
    const size = algorithms.get(algorithm)
    if (size === undefined || seen.has(algorithm)) {
      throw new TpmError('malformed', `event ${index} is measured with a hash that the header does not name`)
    }
    seen.add(algorithm)
    const digest = reader.take(size)
    const name = hashAlgorithmOrNone(algorithm)
    if (name !== undefined) digests.set(name, digest)
  }
  return { index, pcr, type, digests, data: reader.take(reader.u32()) }
}

function localityOf(events: readonly MeasuredEvent[]): 0 | 3 | 4 {
  for (const { type, pcr, data } of events) {
    if (type !== EV_NO_ACTION || pcr !== 0 || !startsWith(data, STARTUP_LOCALITY)) continue
    const [locality] = data.subarray(STARTUP_LOCALITY.length)
    if (data.length !== STARTUP_LOCALITY.length + 1 || (locality !== 0 && locality !== 3 && locality !== 4)) {
      throw new TpmError('malformed', 'the locality of the start is none that there is')
    }
    return locality
  }
  return 0
}

function startsWith(data: Uint8Array, text: string): boolean {
  if (data.length < text.length) return false
  for (let i = 0; i < text.length; i += 1) if (data[i] !== text.charCodeAt(i)) return false
  return true
}

class LogReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  u8(): number {
    return this.#view.getUint8(this.#next(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#next(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), true)
  }

  pcr(): number {
    const pcr = this.u32()
    if (pcr >= PCRS) throw new TpmError('malformed', `an event is of PCR ${pcr}, and there are ${PCRS}`)
    return pcr
  }

  take(length: number): Uint8Array {
    const at = this.#next(length)
    return this.#bytes.subarray(at, at + length)
  }

  #next(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw new TpmError('truncated', 'the event log ends within an event')
    this.#at = at + length
    return at
  }
}
