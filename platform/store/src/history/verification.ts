/** The full check that `holdfast doctor` asks for: every page and batch is opened, every sequence number accounted for. */

import { recordSpans } from '@holdfast/messaging'
import { HistoryError } from './errors.ts'
import { FINDINGS_MAX } from './limits.ts'
import type { PageRow } from './page.ts'
import type { ReaderContext } from './reader-context.ts'
import type { Segment } from './segment.ts'

export interface Verification {
  readonly segments: number
  readonly pages: number
  readonly batches: number
  readonly messages: number
  /** Messages that were not looked at because their data key is not here. */
  readonly unreadable: number
  /** One sentence each, naming file and place; at most `FINDINGS_MAX`. Empty: all is well. */
  readonly findings: readonly string[]
}

interface Tally {
  segments: number
  pages: number
  batches: number
  messages: number
  unreadable: number
  readonly findings: string[]
}

export async function verify(
  context: ReaderContext,
  options: { readonly breathe: () => Promise<void>; readonly onProgress?: (share: number) => void },
): Promise<Verification> {
  const { catalog, tail } = context
  const tally: Tally = { segments: 0, pages: 0, batches: 0, messages: 0, unreadable: 0, findings: [] }
  for (const file of [tail, catalog]) {
    const damage = file.findDamage()
    if (damage !== undefined) find(tally, `${file.file}: ${damage}`)
    await options.breathe()
  }
  for (let partition = 0; partition < catalog.partitionCount; partition++) {
    let sequence = catalog.ends(partition).firstSequence
    while (sequence < catalog.ends(partition).nextSequence) {
      const segment = catalog.segmentAt(partition, sequence)
      if (segment === undefined) {
        // Retention may have passed by; only what is still due is missed.
        const { firstSequence } = catalog.ends(partition)
        if (firstSequence <= sequence)
          find(tally, `${catalog.file}: no segment holds sequence ${sequence} of partition ${partition}`)
        if (firstSequence <= sequence) break
        sequence = firstSequence
        continue
      }
      await verifySegment(context, segment, tally, options.breathe)
      sequence = segment.nextSequence
      options.onProgress?.(
        (partition + sequence / Math.max(1, catalog.ends(partition).nextSequence)) / catalog.partitionCount,
      )
    }
    await verifyBatches(context, partition, tally, options.breathe)
    options.onProgress?.((partition + 1) / catalog.partitionCount)
  }
  return tally
}

async function verifySegment(
  context: ReaderContext,
  segment: Segment,
  tally: Tally,
  breathe: () => Promise<void>,
): Promise<void> {
  const { catalog, ring, source } = context
  const seen = new Uint8Array(segment.nextSequence - segment.firstSequence)
  let row: PageRow | undefined
  let messages = 0
  tally.segments += 1
  for (;;) {
    const rows = catalog.pagesOf(segment.id, row, 8)
    if (rows.length === 0) break
    for (row of rows) {
      tally.pages += 1
      messages += row.messages
      if (ring.keyOf(row.epoch) === undefined) {
        tally.unreadable += row.messages
        continue
      }
      try {
        for (const { sequenceNumber } of source.page(segment, row)?.spans ?? []) {
          const index = sequenceNumber - segment.firstSequence
          if (seen[index] !== 0)
            find(
              tally,
              `${catalog.file}: segment ${segment.id}, page ${row.id}: sequence ${sequenceNumber} is there twice or not the segment's`,
            )
          else seen[index] = 1
          tally.messages += 1
        }
      } catch (error) {
        if (!(error instanceof HistoryError)) throw error
        find(tally, error.message)
      }
    }
    await breathe()
  }
  // Deleted or merged while it was looked at.
  if (catalog.segmentAt(segment.partition, segment.firstSequence)?.id !== segment.id) return
  if (messages !== segment.messages) {
    find(
      tally,
      `${catalog.file}: segment ${segment.id} has ${messages} messages where ${segment.messages} were written`,
    )
  }
}

async function verifyBatches(
  context: ReaderContext,
  partition: number,
  tally: Tally,
  breathe: () => Promise<void>,
): Promise<void> {
  const { catalog, ring, source, tail } = context
  let sequence = catalog.ends(partition).nextSequence
  for (;;) {
    const batches = tail.batchesFrom(partition, sequence, 8)
    if (batches.length === 0) return
    for (const batch of batches) {
      sequence = batch.firstSequence + batch.count
      if (batch.isEmptied || ring.keyOf(batch.epoch) === undefined) {
        tally.unreadable += batch.count
        continue
      }
      tally.batches += 1
      try {
        const plain = source.plainOf(batch)
        if (plain === undefined) continue
        tally.messages += recordSpans(plain, { ...batch, sealed: NOTHING }).length
      } catch (error) {
        find(tally, error instanceof Error ? error.message : 'unknown')
      }
    }
    await breathe()
  }
}

function find(tally: Tally, finding: string): void {
  if (tally.findings.length < FINDINGS_MAX) tally.findings.push(finding)
}

const NOTHING = new Uint8Array(0)
