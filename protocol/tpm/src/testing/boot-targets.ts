/** What fuzzing needs of what a measured boot shows: each target takes any bytes and throws only when a rule is broken. */

import { hash } from 'node:crypto'
import { HASH_BYTES } from '../algorithms.ts'
import { decodeAttest } from '../attest.ts'
import { TpmError } from '../errors.ts'
import { EVENTS_MAX, PCRS } from '../event-limits.ts'
import { decodeEventLog } from '../event-log.ts'
import { extendPcr, initialPcr, isDataAsMeasured, replayEvents } from '../event-replay.ts'
import { EV_NO_ACTION, eventTypeName } from '../event-types.ts'
import { TpmWriter } from '../writer.ts'
import { writeEventLog, writeSha1EventLog } from './event-log-writer.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function unlessRefused(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof TpmError)) throw error
  }
}

const text = (words: string): Uint8Array => Buffer.from(words)
const EVENTS = [
  { pcr: 0, type: 8, data: text('1.0') },
  { pcr: 0, type: EV_NO_ACTION, data: text('StartupLocality\0\u0003') },
  { pcr: 4, type: 0x8000_0003, data: text('loader'), measured: text('its bytes') },
  { pcr: 7, type: 4, data: new Uint8Array(4) },
]
const ALL = Array.from({ length: PCRS }, (_, pcr) => pcr)

/** A TPMS_ATTEST as a TPM writes it, of a quote or a certification. */
export function attestSeed(kind: 'quote' | 'certify'): Uint8Array {
  const writer = new TpmWriter()
    .u32(0xff54_4347)
    .u16(kind === 'quote' ? 0x8018 : 0x8017)
    .sized(new Uint8Array(34).fill(1))
    .sized(new Uint8Array(32).fill(2))
    .u64(123_456n)
    .u32(7)
    .u32(1)
    .u8(1)
    .u64(0x2020_0422_0016_3636n)
  return kind === 'quote'
    ? writer
        .u32(1)
        .u16(0x000b)
        .u8(3)
        .bytes(Uint8Array.of(0xff, 0, 0))
        .sized(new Uint8Array(32).fill(3))
        .done()
    : writer.sized(new Uint8Array(34).fill(4)).sized(new Uint8Array(34).fill(5)).done()
}

export const bootTargets: readonly FuzzTarget[] = [
  {
    name: 'tpm-event-log',
    seeds: [
      writeEventLog(['sha256'], EVENTS),
      writeEventLog(['sha1', 'sha256', 'sha384'], EVENTS),
      writeSha1EventLog(EVENTS),
    ],
    run(bytes) {
      unlessRefused(() => {
        const log = decodeEventLog(bytes)
        if (log.events.length > EVENTS_MAX || log.banks.length === 0) throw new Error('a bound is not kept')
        for (const [at, event] of log.events.entries()) {
          if (event.index !== at || event.pcr >= PCRS) throw new Error('an event is not where it says')
          if (event.data.length > bytes.length) throw new Error('an event is longer than its log')
          eventTypeName(event.type)
        }
        for (const bank of log.banks) {
          const replayed = replayEvents(log, bank, ALL)
          // The same, one PCR after the other and by the definition.
          for (const pcr of ALL) {
            let value = initialPcr(pcr, bank, log.startupLocality)
            for (const event of log.events) {
              const digest = event.digests.get(bank)
              if (event.pcr !== pcr || event.type === EV_NO_ACTION || digest === undefined) continue
              if (digest.length !== HASH_BYTES[bank]) throw new Error('a digest is not as long as its hash')
              isDataAsMeasured(event, bank)
              value = hash(bank, Buffer.concat([value, digest]), 'buffer')
              if (extendPcr(new Uint8Array(value.length), digest, bank).length !== value.length)
                throw new Error('length')
            }
            if (!Buffer.from(replayed.get(pcr) ?? []).equals(value)) throw new Error('a replay depends on its order')
          }
        }
      })
    },
  },
  {
    name: 'tpm-attest',
    seeds: [attestSeed('quote'), attestSeed('certify')],
    run(bytes) {
      unlessRefused(() => {
        const attest = decodeAttest(bytes)
        if (attest.clock.resetCount > 0xffff_ffff || attest.firmwareVersion > 0xffff_ffff_ffff_ffffn)
          throw new Error('range')
        if (attest.kind === 'quote') {
          for (const { pcrs } of attest.selection) {
            if (pcrs.some((pcr, at) => at > 0 && pcr <= (pcrs[at - 1] ?? -1))) throw new Error('PCRs ascend')
          }
        }
      })
    },
  },
]
