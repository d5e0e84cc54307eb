/** What a hub holds at one moment, and what of it may not grow. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { HubApi } from '@holdfast/testing-hub'
import type { Heap, Inspector } from './heaps.ts'

const MIB = 1024 * 1024

export interface Reading {
  readonly heaps: readonly Heap[]
  readonly residentBytes: number
  readonly descriptors: number
  readonly threads: number
  /** Bytes of each database with its write-ahead log. */
  readonly logBytes: number
  readonly stateBytes: number
  readonly historyBytes: number
  /** Messages that are kept. */
  readonly messages: number
}

export async function read(hub: {
  readonly pid: number
  readonly data: string
  readonly api: HubApi
  readonly inspector: Inspector
}): Promise<Reading> {
  const { pid, data, api, inspector } = hub
  const heaps = await inspector.collect()
  const status = await api.status()
  const bytes = (name: string): number =>
    readdirSync(data)
      .filter((file) => file === name || file === `${name}-wal`)
      .reduce((sum, file) => sum + statSync(join(data, file)).size, 0)
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return {
    heaps,
    residentBytes: Number(kilobytes) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    logBytes: bytes('log.db'),
    stateBytes: bytes('state.db'),
    historyBytes: bytes('history.db'),
    messages: status.partitions.reduce((sum, { firstSequence, nextSequence }) => sum + nextSequence - firstSequence, 0),
  }
}

/** One quantity of two readings, and how much more the later one may be. */
interface Measure {
  readonly what: string
  readonly first: number
  readonly last: number
  readonly unit: 'MiB' | ''
  readonly share: number
  readonly more: number
}

export interface Judgement {
  /** A line a measure. */
  readonly lines: readonly string[]
  readonly grown: readonly string[]
}

/** Compares the last reading with the first. The bounds are explained in the README. */
export function judge(first: Reading, last: Reading): Judgement {
  const measures: Measure[] = [
    ...first.heaps.map(
      ({ thread, usedBytes }): Measure => ({
        what: `heap of ${thread}`,
        first: usedBytes,
        last: last.heaps.find((heap) => heap.thread === thread)?.usedBytes ?? Number.NaN,
        unit: 'MiB',
        share: 0.1,
        more: thread === 'main' ? 6 * MIB : 3 * MIB,
      }),
    ),
    measure('resident memory', first.residentBytes, last.residentBytes, { unit: 'MiB', share: 0.25, more: 48 * MIB }),
    measure('descriptors', first.descriptors, last.descriptors, { unit: '', share: 0, more: 2 }),
    measure('threads', first.threads, last.threads, { unit: '', share: 0, more: 0 }),
    measure('log.db', first.logBytes, last.logBytes, { unit: 'MiB', share: 0.5, more: 8 * MIB }),
    measure('state.db', first.stateBytes, last.stateBytes, { unit: 'MiB', share: 0.5, more: 4 * MIB }),
    // What is kept grows with what is sent; first as it would be with the messages of the last.
    measure('history.db', first.historyBytes * (last.messages / first.messages), last.historyBytes, {
      unit: 'MiB',
      share: 0.25,
      more: 12 * MIB,
    }),
  ]
  const lines: string[] = []
  const grown: string[] = []
  for (const one of measures) {
    const bound = Math.max(one.first * (1 + one.share), one.first + one.more)
    const isGrown = !(one.last <= bound)
    const line = `${one.what.padEnd(20)} ${shown(one.first, one)} → ${shown(one.last, one)}, at most ${shown(bound, one)}`
    lines.push(`${isGrown ? '✖' : '✔'} ${line}`)
    if (isGrown) grown.push(line)
  }
  return { lines, grown }
}

function measure(what: string, first: number, last: number, bound: Pick<Measure, 'unit' | 'share' | 'more'>): Measure {
  return { what, first, last, ...bound }
}

function shown(value: number, { unit }: Pick<Measure, 'unit'>): string {
  return unit === 'MiB' ? `${(value / MIB).toFixed(1)} MiB` : String(Math.round(value))
}
