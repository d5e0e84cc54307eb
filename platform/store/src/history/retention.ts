/** Dropping the oldest telemetry, by age and by size: whole segments first, then batches of the log. */

import type { Timestamp } from '@holdfast/base'
import type { LogTail } from '../log/log-tail.ts'
import type { Catalog } from './catalog.ts'
import type { Telling } from './digest-tables.ts'
import { RETENTION_STEPS_MAX } from './limits.ts'

export interface Retention {
  /** Messages older than this go, in milliseconds; segments go when their newest message is that old. */
  readonly ageMs?: number
  /** Bytes that both files may use; the oldest telemetry goes first. At least 1 MiB. */
  readonly bytesMax?: number
}

export interface Dropped {
  readonly partition: number
  readonly reason: 'age' | 'size'
  readonly messages: number
  /** The sequence numbers [firstSequence, nextSequence) are gone. */
  readonly firstSequence: number
  readonly nextSequence: number
}

interface RetentionContext {
  readonly catalog: Catalog
  readonly tail: LogTail
}

/** @throws TypeError naming what is wrong with the settings */
export function checkRetention(retention: Retention): void {
  const { ageMs, bytesMax } = retention
  if (ageMs !== undefined && !(Number.isSafeInteger(ageMs) && ageMs >= 1_000)) {
    throw new TypeError('retention by age is at least 1,000 ms')
  }
  if (bytesMax !== undefined && !(Number.isSafeInteger(bytesMax) && bytesMax >= 1024 * 1024)) {
    throw new TypeError('retention by size is at least 1 MiB')
  }
}

/** Takes out of use what is due, at most a slice of it. What it answers is no longer read; deleting comes later. */
export function retain(context: RetentionContext, retention: Retention, now: Timestamp): readonly Dropped[] {
  const dropped: Dropped[] = []
  if (retention.ageMs !== undefined) {
    const before = now - retention.ageMs
    for (let partition = 0; partition < context.catalog.partitionCount; partition++) {
      for (let step = 0; step < RETENTION_STEPS_MAX; step++) {
        const drop = dropOldest(context, { partition, reason: 'age', before })
        if (drop === undefined) break
        dropped.push(drop)
      }
    }
  }
  if (retention.bytesMax !== undefined) dropped.push(...shrinkTo(context, retention.bytesMax))
  return dropped
}

function shrinkTo(context: RetentionContext, bytesMax: number): readonly Dropped[] {
  const { catalog, tail } = context
  const dropped: Dropped[] = []
  const bytes = catalog.bytes()
  let used = bytes.used - bytes.unused
  for (let partition = 0; partition < catalog.partitionCount; partition++) {
    used += tail.backlog(partition, catalog.ends(partition).nextSequence).plainBytes
  }
  for (let step = 0; used > bytesMax && step < RETENTION_STEPS_MAX; step++) {
    const segment = catalog.oldestSegment()
    const partition = segment?.partition ?? fullestPartition(context)
    if (partition === undefined) break
    const oldest = catalog.segmentAt(partition, catalog.ends(partition).firstSequence)
    const batch = tail.batchesFrom(partition, catalog.ends(partition).nextSequence, 1)[0]
    const drop = dropOldest(context, { partition, reason: 'size', before: Number.MAX_SAFE_INTEGER })
    if (drop === undefined) break
    used -= oldest?.sealedBytes ?? batch?.plainBytes ?? 0
    dropped.push(drop)
  }
  return dropped
}

/** Without segments: the partition whose log holds the oldest message. */
function fullestPartition({ catalog, tail }: RetentionContext): number | undefined {
  let oldest: { partition: number; earliest: number } | undefined
  for (let partition = 0; partition < catalog.partitionCount; partition++) {
    const [batch] = tail.batchesFrom(partition, catalog.ends(partition).nextSequence, 1)
    if (batch !== undefined && (oldest === undefined || batch.earliest < oldest.earliest)) {
      oldest = { partition, earliest: batch.earliest }
    }
  }
  return oldest?.partition
}

/** Drops a partition's oldest segment, or without one its oldest batch, if its newest message is before `before`. */
function dropOldest(
  { catalog, tail }: RetentionContext,
  due: { readonly partition: number; readonly reason: 'age' | 'size'; readonly before: number },
): Dropped | undefined {
  const { partition, reason } = due
  const ends = catalog.ends(partition)
  if (ends.firstSequence < ends.nextSequence) {
    const segment = catalog.segmentAt(partition, ends.firstSequence)
    if (segment === undefined) throw catalog.damaged(`partition ${partition} lacks its oldest segment`)
    if (segment.latest >= due.before) return undefined
    const { firstSequence, nextSequence, messages } = segment
    const dropped = { partition, reason, messages, firstSequence, nextSequence }
    catalog.forget(partition, segment, { ...ends, firstSequence: nextSequence }, tellingOf(dropped))
    return dropped
  }
  const [batch] = tail.batchesFrom(partition, ends.nextSequence, 1)
  if (batch === undefined || batch.latest >= due.before) return undefined
  const { count: messages, firstSequence } = batch
  const nextSequence = firstSequence + messages
  const after = {
    firstSequence: nextSequence,
    nextSequence,
    nextOffset: batch.firstOffset + batch.plainBytes,
    lastOffset: batch.firstOffset,
    latest: ends.latest === undefined || batch.latest > ends.latest ? batch.latest : ends.latest,
  }
  const dropped = { partition, reason, messages, firstSequence, nextSequence }
  catalog.forget(partition, undefined, after, tellingOf(dropped))
  return dropped
}

function tellingOf({ nextSequence, ...dropped }: Dropped): Telling {
  return { kind: 'retired', ...dropped, lastSequence: nextSequence - 1 }
}
