/** What lies on the disk, opened: records, batches and history pages. A damaged disk is a peer like any other. */

import assert from 'node:assert/strict'
import { timestampOf } from '@holdfast/base'
import {
  BatchBuilder,
  decodePage,
  decodeRecord,
  encodePage,
  encodePrefix,
  MessagingError,
  openBatch,
  openBatchBytes,
  openPage,
  recordEnd,
  recordSpans,
  SALT_BYTES,
  SealingKey,
  type StoredBatch,
} from '@holdfast/messaging'
import type { FuzzTarget } from './target.ts'

const DATA_KEY = new Uint8Array(32).fill(7)
const TIME = timestampOf(1_764_000_000_000)

/** A batch of two records, and their plain bytes. */
function seedBatch(): { readonly batch: StoredBatch; readonly plain: Uint8Array } {
  const builder = new BatchBuilder(3)
  const authMethod = '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}'
  const origins = [
    { deviceId: 'a', generationId: '1', authMethod },
    { deviceId: 'b', moduleId: 'm', generationId: '2', authMethod: 'other', modelId: 'dtmi:x:y;1' },
  ]
  for (const [flags, origin] of origins.entries()) {
    const bag = Buffer.from('x=%20&$.ct=z')
    builder.append({ prefix: encodePrefix(origin), enqueued: TIME, flags, bag, body: Buffer.from('{"t":1}') })
  }
  const key = new SealingKey({
    key: DATA_KEY,
    epoch: 1,
    salt: new Uint8Array(SALT_BYTES),
    purpose: 'telemetry batch',
  })
  const batch = { ...builder.seal(key), firstSequence: 0, firstOffset: 0 }
  return { batch, plain: openBatchBytes(batch, () => DATA_KEY) }
}

const { batch: SEED, plain: SEED_PLAIN } = seedBatch()

export const telemetryTargets: readonly FuzzTarget[] = [
  {
    name: 'telemetry-records',
    seeds: [SEED_PLAIN],
    run(bytes) {
      unlessDamaged(() => walk(bytes))
      unlessDamaged(() => {
        const batch = {
          ...SEED,
          count: 2,
          plainBytes: bytes.length,
          earliest: timestampOf(0),
          latest: timestampOf(2 ** 47),
        }
        const spans = recordSpans(bytes, batch)
        assert.equal(spans.at(-1)?.end, bytes.length, 'spans end where the bytes end')
      })
    },
  },
  {
    name: 'telemetry-page',
    seeds: [pageOf(SEED_PLAIN)],
    run(bytes) {
      for (const count of [1, 2]) {
        const header = {
          partition: 1,
          count,
          plainBytes: bytes.length,
          earliest: timestampOf(0),
          latest: timestampOf(2 ** 47),
          encoding: 0,
        }
        const messages = unlessDamaged(() => decodePage(header, bytes))
        if (messages !== undefined) assert.equal(messages.length, count, 'a page holds what its header says')
      }
    },
  },
  {
    name: 'telemetry-sealed',
    seeds: [SEED.sealed],
    run(bytes) {
      const isOriginal = Buffer.compare(bytes, SEED.sealed) === 0
      const sealed = Uint8Array.from(bytes)
      const opened = unlessDamaged(() => openBatch({ ...SEED, sealed }, () => DATA_KEY))
      assert.equal(opened !== undefined, isOriginal, 'what was changed does not open')
      assert.equal(
        unlessDamaged(() => openPage(sealed, () => DATA_KEY)),
        undefined,
        'a batch is no page',
      )
    },
  },
]

/** Decodes record after record; each has one encoding, so decoding and encoding gives the bytes back. */
function walk(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const end = recordEnd(bytes, at)
    const message = decodeRecord(bytes, { at, end }, { partition: 0, sequenceNumber: 0, offset: at })
    const builder = new BatchBuilder(0)
    const { deviceId, moduleId, generationId, authMethod, modelId, enqueuedTime: enqueued, body } = message
    const origin = {
      deviceId,
      generationId,
      authMethod,
      ...(moduleId === undefined ? {} : { moduleId }),
      ...(modelId === undefined ? {} : { modelId }),
    }
    const flags = (message.isWill ? 1 : 0) | (message.isRetained ? 2 : 0)
    builder.append({ prefix: encodePrefix(origin), enqueued, flags, bag: Buffer.from(message.bag), body })
    assert.equal(builder.bytes, end - at, 'a record has one encoding')
    at = end
  }
}

function pageOf(plain: Uint8Array): Uint8Array {
  const end = recordEnd(plain, 0)
  const records = [plain.slice(0, end), plain.slice(end)]
  return encodePage(
    1,
    records.map((record, index) => ({ sequenceNumber: index, offset: index * end, record })),
  ).plain
}

function unlessDamaged<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof MessagingError && error.code === 'damaged') return undefined
    throw error
  }
}
