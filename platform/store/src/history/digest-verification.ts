/**
 * Stored telemetry against what the audit log says of it: every page's bytes, every segment's digest, every sequence number
 * from the first that the log ever spoke of. Needs no keys: what is compared is what is stored.
 */

import { createHash } from 'node:crypto'
import type { Catalog } from './catalog.ts'
import type { Telling } from './digest-tables.ts'
import { FINDINGS_MAX } from './limits.ts'
import type { Segment } from './segment.ts'
import { findOddities } from './telling-order.ts'

/** How long a segment may be in use before it is in the audit log, in milliseconds; BG-3.d has 24 hours. */
export const LOGGED_WITHIN_MS = 24 * 3_600_000

/** What the audit log says, in its order. */
export interface TelemetryRecord {
  readonly tellings: readonly Telling[]
  /** Epochs whose keys were destroyed: their pages are gone, as they should be. */
  readonly droppedEpochs: readonly number[]
}

export type DigestFindingKind = 'altered' | 'added' | 'missing' | 'cut' | 'contradicts' | 'unlogged'

export interface DigestFinding {
  readonly kind: DigestFindingKind
  readonly partition: number
  readonly firstSequence: number
  readonly lastSequence: number
  /** One sentence. */
  readonly detail: string
}

export interface DigestVerification {
  readonly segments: number
  readonly pages: number
  readonly bytes: number
  /** In use for less than a day, and not in the audit log yet. */
  readonly pending: number
  /** In the order of partitions and sequence numbers, at most `FINDINGS_MAX`; empty: all is well. */
  readonly findings: readonly DigestFinding[]
}

interface Tally {
  segments: number
  pages: number
  bytes: number
  pending: number
  readonly findings: DigestFinding[]
}

/** Pages looked at between two pauses: 1 MiB. */
const PAGES_A_PAUSE = 16

export async function verifyDigests(
  catalog: Catalog,
  record: TelemetryRecord,
  options: {
    readonly now: number
    readonly breathe: () => Promise<void>
    readonly onProgress?: (share: number) => void
  },
): Promise<DigestVerification> {
  const tally: Tally = { segments: 0, pages: 0, bytes: 0, pending: 0, findings: [] }
  for (let partition = 0; partition < catalog.partitionCount; partition++) {
    const told = record.tellings.filter((telling) => telling.partition === partition)
    await verifyPartition(catalog, { partition, told, dropped: new Set(record.droppedEpochs) }, tally, options)
    options.onProgress?.((partition + 1) / catalog.partitionCount)
  }
  return tally
}

interface Look {
  readonly partition: number
  readonly told: readonly Telling[]
  readonly dropped: ReadonlySet<number>
}

type Options = Parameters<typeof verifyDigests>[2]

async function verifyPartition(catalog: Catalog, look: Look, tally: Tally, options: Options): Promise<void> {
  const { partition, told } = look
  // Before anything else is looked at, for what comes meanwhile is not in what was told.
  const end = catalog.ends(partition).nextSequence
  verifyBeginning(catalog, look, tally)
  for (const { firstSequence: from, lastSequence: to, detail } of findOddities(told, look.dropped.size > 0)) {
    find(tally, 'contradicts', look, { from, to, detail })
  }
  const paged = new Map<string, Set<string>>()
  let last = -1
  for (const telling of told) {
    last = Math.max(last, telling.lastSequence)
    if (telling.kind !== 'paged') continue
    const place = `${telling.firstSequence}-${telling.lastSequence}`
    const digests = paged.get(place)
    if (digests === undefined) paged.set(place, new Set([telling.sha256]))
    else digests.add(telling.sha256)
  }
  let sequence = catalog.ends(partition).firstSequence
  while (sequence < end) {
    const [segment] = catalog.segmentsFrom(partition, sequence, 1)
    const { firstSequence } = catalog.ends(partition)
    if (firstSequence > sequence) {
      // Retention has passed by.
      sequence = firstSequence
      continue
    }
    if (segment === undefined || segment.firstSequence > sequence) {
      const missingTo = segment?.firstSequence ?? end
      find(tally, 'missing', look, { from: sequence, to: missingTo - 1, detail: 'no segment holds these messages' })
      sequence = missingTo
      continue
    }
    await verifySegment(catalog, segment, { look, logged: paged, tally, options })
    sequence = segment.nextSequence
  }
  if (last >= end) {
    const detail = `the audit log knows messages up to sequence ${last}, and the history ends before: its end was cut off`
    find(tally, 'cut', look, { from: end, to: last, detail })
  }
}

/** What lies before the first message that is kept was retired, and the audit log says so; from where it began to speak. */
function verifyBeginning(catalog: Catalog, look: Look, tally: Tally): void {
  const { firstSequence } = catalog.ends(look.partition)
  let sequence = look.told.reduce((least, telling) => Math.min(least, telling.firstSequence), firstSequence)
  const retired = look.told
    .filter(({ kind }) => kind === 'retired')
    .toSorted((a, b) => a.firstSequence - b.firstSequence)
  for (const { firstSequence: from, lastSequence: to } of retired) {
    if (sequence >= firstSequence) return
    if (from > sequence) break
    sequence = Math.max(sequence, to + 1)
  }
  if (sequence >= firstSequence) return
  const detail = 'these messages are gone, and the audit log knows of no retirement of them'
  find(tally, 'missing', look, { from: sequence, to: firstSequence - 1, detail })
}

async function verifySegment(
  catalog: Catalog,
  segment: Segment,
  context: {
    readonly look: Look
    readonly logged: ReadonlyMap<string, ReadonlySet<string>>
    readonly tally: Tally
    readonly options: Options
  },
): Promise<void> {
  const { look, logged, tally, options } = context
  const findings = tally.findings.length
  const hash = createHash('sha256')
  tally.segments += 1
  for (let after = -1, count = 0; ; ) {
    const digests = catalog.digests.pagesOf(segment.id, after, PAGES_A_PAUSE)
    if (digests.length === 0) break
    for (const { page, epoch, firstSequence: from, lastSequence: to, sha256 } of digests) {
      after = page
      count += 1
      hash.update(sha256)
      const sealed = catalog.digests.sealedAt(segment.id, page)
      // A page is sorted by device: its first and last message need not have the least and the greatest number.
      const range = { from: Math.min(from, to), to: Math.max(from, to) }
      if (sealed === undefined) {
        if (look.dropped.has(epoch)) continue
        find(tally, 'missing', look, {
          ...range,
          detail: `page ${page} is gone, and the key of its epoch ${epoch} was not destroyed`,
        })
        continue
      }
      tally.pages += 1
      tally.bytes += sealed.length
      if (Buffer.compare(createHash('sha256').update(sealed).digest(), sha256) !== 0) {
        find(tally, 'altered', look, { ...range, detail: `page ${page} is not what was written` })
      }
    }
    await options.breathe()
    if (count % (PAGES_A_PAUSE * 64) === 0) options.onProgress?.(look.partition / catalog.partitionCount)
  }
  // Deleted or merged while it was looked at.
  if (catalog.segmentAt(segment.partition, segment.firstSequence)?.id !== segment.id) {
    tally.findings.length = findings
    return
  }
  const range = { from: segment.firstSequence, to: segment.nextSequence - 1 }
  const since = catalog.digests.inUseSince(segment.id)
  const extra = catalog.digests.pageWithout(segment.id)
  if (extra !== undefined && since !== undefined) {
    find(tally, 'added', look, { ...range, detail: `page ${extra} was added to it` })
  }
  const known = logged.get(`${range.from}-${range.to}`)
  if (known?.has(hash.digest('hex')) === true) return
  if (known !== undefined) {
    const detail = `segment ${segment.id} is not what the audit log has a digest of`
    find(tally, 'contradicts', look, { ...range, detail })
    return
  }
  // A clock that was set back, or a row that says so, must not make it new for ever.
  const isNew = since !== undefined && since <= options.now && options.now - since < LOGGED_WITHIN_MS
  const isAwaited = since === undefined
  if (isNew || isAwaited) tally.pending += 1
  else
    find(tally, 'unlogged', look, {
      ...range,
      detail: `segment ${segment.id} has been in use for more than a day and is in no entry of the audit log`,
    })
}

function find(
  tally: Tally,
  kind: DigestFindingKind,
  { partition }: Pick<Look, 'partition'>,
  { from, to, detail }: { readonly from: number; readonly to: number; readonly detail: string },
): void {
  if (tally.findings.length < FINDINGS_MAX) {
    tally.findings.push({ kind, partition, firstSequence: from, lastSequence: to, detail })
  }
}
