/** From the log to the history: a run of batches becomes a segment, whose messages are sorted by device. */

import { createHash, type Hash } from 'node:crypto'
import { MessagingError, openBatchBytes, recordDevice, recordSpans } from '@holdfast/messaging'
import type { LogTail, TailBatch } from '../log/log-tail.ts'
import type { Catalog } from './catalog.ts'
import { BlockedError, type Job } from './job.ts'
import type { KeyRing } from './key-ring.ts'
import type { DeviceRecord } from './page.ts'
import { PageWriter } from './page-writer.ts'
import { compareDevices } from './segment.ts'

export interface SegmentLimits {
  readonly plainBytes: number
  readonly messages: number
  readonly batches: number
}

export interface RegroupContext {
  readonly catalog: Catalog
  readonly tail: LogTail
  readonly ring: KeyRing
  readonly limits: SegmentLimits
  /** Told the segment's number when it is begun, and undefined when it is in use. */
  readonly building: (segment: number | undefined) => void
}

/** A batch holds thousands of records; so many take about a millisecond. */
const RECORDS_A_YIELD = 512

/** Records of the run by epoch and device, each list in sequence order. */
type Groups = Map<number, Map<string, DeviceRecord[]>>

/**
 * Makes one segment of what follows the history's end in a partition, and puts it in use. The log's rows stay where
 * they are; the caller has them trimmed.
 * @throws BlockedError when the first batch cannot be opened: nothing is guessed, nothing is left out.
 */
export function* regroup(partition: number, context: RegroupContext): Job {
  const { catalog, tail } = context
  const before = catalog.ends(partition)
  const batches = choose(tail.batchesFrom(partition, before.nextSequence, context.limits.batches), context)
  const first = batches[0]
  const last = batches.at(-1)
  if (first === undefined || last === undefined) return
  if (first.firstSequence !== before.nextSequence || first.firstOffset !== before.nextOffset) {
    throw new BlockedError({
      work: 'regrouping',
      partition,
      reason: 'damaged',
      detail: `partition ${partition} of the log goes on at sequence ${first.firstSequence} where the history ends at ${before.nextSequence}`,
    })
  }
  const groups: Groups = new Map()
  const run = createHash('sha256')
  let lastOffset = last.firstOffset
  for (const batch of batches) {
    lastOffset = (yield* gather(batch, context, { groups, run })) ?? lastOffset
    yield
  }
  const place = {
    partition,
    firstSequence: first.firstSequence,
    nextSequence: last.firstSequence + last.count,
    firstOffset: first.firstOffset,
    nextOffset: last.firstOffset + last.plainBytes,
    earliest: batches.reduce((least, batch) => (batch.earliest < least ? batch.earliest : least), first.earliest),
    latest: batches.reduce((most, batch) => (batch.latest > most ? batch.latest : most), first.latest),
  }
  const segment = catalog.begin(place)
  context.building(segment)
  const writer = new PageWriter({ catalog, ring: context.ring, segment, partition })
  for (const epoch of [...groups.keys()].toSorted((a, b) => a - b)) {
    const devices = groups.get(epoch)
    if (devices === undefined) continue
    for (const deviceId of [...devices.keys()].toSorted(compareDevices)) {
      for (const record of devices.get(deviceId) ?? []) {
        if (writer.add(epoch, record)) yield
      }
      devices.delete(deviceId) // Its bytes may go.
    }
  }
  writer.finish()
  catalog.publishRegrouped(
    segment,
    partition,
    {
      firstSequence: before.firstSequence,
      nextSequence: place.nextSequence,
      nextOffset: place.nextOffset,
      lastOffset,
      latest: before.latest === undefined || place.latest > before.latest ? place.latest : before.latest,
    },
    run.digest('hex'),
  )
  context.building(undefined)
}

/** The leading batches that fit one segment and can be opened or are known to be gone. */
function choose(batches: readonly TailBatch[], context: RegroupContext): readonly TailBatch[] {
  let messages = 0
  let bytes = 0
  for (const [index, batch] of batches.entries()) {
    const verdict = batch.isEmptied ? 'dropped' : context.ring.verdictOn(batch.epoch)
    if (verdict === 'awaited' || verdict === 'missing') {
      if (index > 0) return batches.slice(0, index)
      throw new BlockedError({
        work: 'regrouping',
        partition: batch.partition,
        reason: verdict === 'awaited' ? 'awaited-key' : 'missing-key',
        detail: `there is no data key of epoch ${batch.epoch}, which the messages from sequence ${batch.firstSequence} of partition ${batch.partition} need`,
      })
    }
    messages += batch.count
    bytes += batch.plainBytes
    const isFull = messages >= context.limits.messages || bytes >= context.limits.plainBytes
    if (isFull) return batches.slice(0, index + 1)
  }
  return batches
}

/** Sorts a batch's records into the groups, and takes its sealed bytes into the run's digest. @returns the offset of its last record, if it can be known. */
function* gather(
  batch: TailBatch,
  context: RegroupContext,
  { groups, run }: { readonly groups: Groups; readonly run: Hash },
): Generator<void, number | undefined, void> {
  const { ring, tail } = context
  if (batch.isEmptied || ring.isDropped(batch.epoch)) return undefined
  const stored = tail.read(batch)
  if (stored === undefined || stored.sealed.length === 0) return undefined // Dropped a moment ago.
  run.update(stored.sealed)
  try {
    const plain = openBatchBytes(stored, ring.keyOf)
    const spans = recordSpans(plain, stored)
    let devices = groups.get(batch.epoch)
    if (devices === undefined) {
      devices = new Map()
      groups.set(batch.epoch, devices)
    }
    for (const [index, { at, end, sequenceNumber, offset }] of spans.entries()) {
      if (index % RECORDS_A_YIELD === RECORDS_A_YIELD - 1) yield
      const deviceId = recordDevice(plain, at, end)
      const record = { deviceId, sequenceNumber, offset, record: plain.subarray(at, end) }
      const records = devices.get(deviceId)
      if (records === undefined) devices.set(deviceId, [record])
      else records.push(record)
    }
    return spans.at(-1)?.offset
  } catch (error) {
    if (!(error instanceof MessagingError)) throw error
    const { partition } = batch
    const detail = `${tail.file}: the batch at sequence ${batch.firstSequence} (${batch.count} messages) of partition ${partition} is damaged: ${error.message}`
    throw new BlockedError({ work: 'regrouping', partition, reason: 'damaged', detail }, error)
  }
}
