/** Fills a data folder with telemetry through the real log and history, as fast as they go. For tests and benches. */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Timestamp, timestampOf } from '@holdfast/base'
import { BatchBuilder, encodePrefix, partitionOf, SealingKey } from '@holdfast/messaging'
import { History } from '../history/history.ts'
import type { DataKey } from '../history/key-ring.ts'
import { SqliteTelemetryLog } from '../log/telemetry-log.ts'

export interface FillOptions {
  readonly folder: string
  readonly messages: number
  /** Named `device-00000` and on; they speak in turn. */
  readonly devices: number
  readonly key: DataKey
  /** Enqueued times go evenly from `from` to (not including) `from + spanMs`. */
  readonly from: Timestamp
  readonly spanMs: number
  readonly partitions?: number
  /** Messages a commit; default 4,000. */
  readonly commit?: number
  /** Body of a message; default: JSON of about 256 bytes that compresses like telemetry does. */
  readonly body?: (index: number) => Uint8Array
}

export interface Filled {
  readonly log: SqliteTelemetryLog
  readonly history: History
  /** Closes both. */
  close(): void
}

export function deviceName(index: number): string {
  return `device-${String(index).padStart(5, '0')}`
}

/** Opens log and history of a folder in this thread, joined as their threads are. */
export function openTelemetry(
  folder: string,
  options: {
    readonly key: DataKey
    readonly partitions?: number
    readonly history?: Partial<ConstructorParameters<typeof History>[0]>
  },
): Filled {
  const { partitions } = options
  const log = new SqliteTelemetryLog({
    file: join(folder, 'log.db'),
    ...(partitions === undefined ? {} : { partitions }),
  })
  const history = new History({
    logFile: log.file,
    historyFile: join(folder, 'history.db'),
    trim: (partition, below) => {
      while (log.trim(partition, below)) continue
    },
    emptyEpoch: (epoch) => {
      while (log.dropEpoch(epoch).hasMore) continue
    },
    ...options.history,
  })
  history.setKeys([options.key])
  return {
    log,
    history,
    close: () => {
      history.close()
      log.close()
    },
  }
}

/** Does background work until there is none, at a virtual time. */
export function settle(history: History, now: Timestamp): void {
  while (history.step(now) === 0) continue
}

/** The folder is empty, or was filled by an earlier call with the same key and partitions. */
export function fill(options: FillOptions): Filled {
  const filled = openTelemetry(options.folder, {
    key: options.key,
    ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
  })
  const { log, history } = filled
  const key = new SealingKey({ ...options.key, salt: randomBytes(16), purpose: 'telemetry batch' })
  const builders = Array.from({ length: log.partitionCount }, (_, partition) => new BatchBuilder(partition))
  const devices = Array.from({ length: options.devices }, (_, index) => {
    const deviceId = deviceName(index)
    const prefix = encodePrefix({ deviceId, generationId: '1', authMethod: AUTH_METHOD })
    return { prefix, partition: partitionOf(deviceId, log.partitionCount) }
  })
  const body = options.body ?? telemetryBody
  const commit = options.commit ?? 4_000
  const bag = new TextEncoder().encode('%24.ct=application%2Fjson&%24.ce=utf-8')
  let enqueued = options.from
  for (let index = 0; index < options.messages; index++) {
    const device = devices[index % devices.length]
    const builder = device === undefined ? undefined : builders[device.partition]
    if (device === undefined || builder === undefined) throw new TypeError('there is at least one device')
    enqueued = timestampOf(options.from + Math.floor((index / options.messages) * options.spanMs))
    builder.append({ prefix: device.prefix, enqueued, flags: 0, bag, body: body(index) })
    if ((index + 1) % commit === 0 || index + 1 === options.messages) {
      const batches = builders.filter(({ count }) => count > 0).map((each) => each.seal(key))
      const outcome = log.append(batches)
      if (outcome.kind === 'unavailable') throw new Error(`the log is unavailable: ${outcome.detail}`)
      settle(history, enqueued)
    }
  }
  return filled
}

const AUTH_METHOD = '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}'

const encoder = new TextEncoder()

function telemetryBody(index: number): Uint8Array {
  const noise = Math.imul(index, 0x9e3779b1) >>> 0
  const text = JSON.stringify({
    sequence: index,
    temperature: 20 + (noise % 1_000) / 100,
    humidity: 40 + ((noise >>> 10) % 3_000) / 100,
    pressure: 1_000 + ((noise >>> 20) % 400) / 10,
    vibration: [noise % 97, (noise >>> 7) % 97, (noise >>> 14) % 97],
    state: noise % 50 === 0 ? 'attention' : 'normal',
    firmware: '4.2.1',
    site: 'assembly hall 3, line 7',
  })
  return encoder.encode(text.padEnd(256))
}
