/** Where each partition of a log begins and ends, read from its rows and checked on the way. */

import type { DatabaseSync } from 'node:sqlite'
import { integerOf, optionalIntegerOf, type Row } from '../sqlite/row.ts'

/** Mutable state of one partition while the log is open. */
export interface PartitionEnds {
  /** First sequence number and offset that the log still holds. */
  floorSequence: number
  floorOffset: number
  nextSequence: number
  nextOffset: number
  /** Newest enqueued time ever seen in this partition. */
  latest: number | undefined
}

/**
 * Reads every row but the sealed bytes.
 * @returns the partitions' ends, or one sentence on what is wrong.
 */
export function readPartitionEnds(database: DatabaseSync): readonly PartitionEnds[] | string {
  const ends: PartitionEnds[] = []
  for (const row of database.prepare('SELECT * FROM partition ORDER BY id').all()) {
    if (integerOf(row, 'id') !== ends.length) return `the table of partitions lacks number ${ends.length}`
    const sequence = integerOf(row, 'floor_sequence')
    const offset = integerOf(row, 'floor_offset')
    if (sequence < 0 || offset < 0) return `the floor of partition ${ends.length} is negative`
    ends.push({
      floorSequence: sequence,
      floorOffset: offset,
      nextSequence: sequence,
      nextOffset: offset,
      latest: optionalIntegerOf(row, 'floor_latest'),
    })
  }
  const batches = database.prepare(
    `SELECT partition, first_sequence, count, first_offset, plain_bytes, latest, epoch, length(sealed) AS sealed_bytes
     FROM batch ORDER BY partition, first_sequence`,
  )
  for (const row of batches.iterate()) {
    const wrong = follow(ends, row)
    if (wrong !== undefined) return wrong
  }
  return ends
}

function follow(ends: readonly PartitionEnds[], row: Row): string | undefined {
  const partition = integerOf(row, 'partition')
  const end = ends[partition]
  if (end === undefined) return `a batch belongs to partition ${partition}, which does not exist`
  const first = integerOf(row, 'first_sequence')
  const count = integerOf(row, 'count')
  const bytes = integerOf(row, 'plain_bytes')
  if (first !== end.nextSequence) {
    return `partition ${partition} goes on at sequence ${first} where ${end.nextSequence} was due`
  }
  if (integerOf(row, 'first_offset') !== end.nextOffset || count < 1 || bytes < 1) {
    return `the batch at sequence ${first} of partition ${partition} has a wrong offset or size`
  }
  const sealed = integerOf(row, 'sealed_bytes')
  if (sealed !== 0 && sealed <= bytes) return `the batch at sequence ${first} of partition ${partition} is cut short`
  end.nextSequence += count
  end.nextOffset += bytes
  const latest = integerOf(row, 'latest')
  if (end.latest === undefined || latest > end.latest) end.latest = latest
  return undefined
}
