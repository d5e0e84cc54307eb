/** Small sealed batches for tests. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { timestampOf } from '@holdfast/base'
import { BatchBuilder, encodePrefix, partitionOf, type SealedBatch, SealingKey } from '@holdfast/messaging'
import type { DataKey } from '../history/key-ring.ts'

export interface Sent {
  readonly deviceId: string
  /** Milliseconds since 1970; must not go back within a partition. */
  readonly enqueued: number
  readonly body: string
}

export function testKey(epoch: number): DataKey {
  return { epoch, key: randomBytes(32) }
}

/** Seals messages as a front would: one batch a partition, in order. */
export class TestSealer {
  readonly #key: SealingKey
  readonly #partitions: number

  constructor(key: DataKey, partitions: number) {
    this.#key = new SealingKey({ ...key, salt: randomBytes(16), purpose: 'telemetry batch' })
    this.#partitions = partitions
  }

  seal(messages: readonly Sent[]): readonly SealedBatch[] {
    const builders = Array.from({ length: this.#partitions }, (_, partition) => new BatchBuilder(partition))
    const encoder = new TextEncoder()
    for (const { deviceId, enqueued, body } of messages) {
      builders[partitionOf(deviceId, this.#partitions)]?.append({
        prefix: encodePrefix({ deviceId, generationId: 'g', authMethod: '{}' }),
        enqueued: timestampOf(enqueued),
        flags: 0,
        bag: encoder.encode('k=v'),
        body: encoder.encode(body),
      })
    }
    return builders.filter(({ count }) => count > 0).map((builder) => builder.seal(this.#key))
  }
}

/** A folder that goes when the test ends. */
export function testFolder(test: { after(callback: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
  test.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
