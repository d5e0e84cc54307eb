/** What the audit log says of stored telemetry, read back from its entries. */

import type { SecurityEvent } from '@holdfast/audit'
import type { AuditStore } from '../state/audit/port.ts'
import type { Telling } from './digest-tables.ts'
import type { TelemetryRecord } from './digest-verification.ts'

/** Entries looked at in one call. */
const PAGE_ENTRIES = 500

/** All of it, in the order of the log: some 300 bytes for each segment that there ever was. */
export async function readTelemetryRecord(log: Pick<AuditStore, 'listAuditEntries'>): Promise<TelemetryRecord> {
  const tellings: { readonly index: number; readonly telling: Telling }[] = []
  for (const type of ['telemetry.paged', 'telemetry.retired'] as const) {
    for await (const { index, event } of eventsOf(log, type)) {
      const telling = tellingOf({ type, ...event })
      if (telling !== undefined) tellings.push({ index, telling })
    }
  }
  const droppedEpochs: number[] = []
  for await (const { event } of eventsOf(log, 'key.dropped')) {
    const [, digits] = /^key\/(\d{1,9})$/.exec(event.subject) ?? []
    if (digits !== undefined && event.detail['purpose'] === 'telemetry') droppedEpochs.push(Number(digits))
  }
  return {
    tellings: tellings.toSorted((a, b) => a.index - b.index).map(({ telling }) => telling),
    droppedEpochs,
  }
}

async function* eventsOf(
  log: Pick<AuditStore, 'listAuditEntries'>,
  type: SecurityEvent['type'],
): AsyncGenerator<{ readonly index: number; readonly event: Pick<SecurityEvent, 'subject' | 'detail'> }> {
  let after: number | undefined
  do {
    const page = await log.listAuditEntries({
      type,
      order: 'oldest',
      limit: PAGE_ENTRIES,
      ...(after === undefined ? {} : { after }),
    })
    for (const { index, content } of page.entries) if (content.kind === 'body') yield { index, event: content }
    after = page.next
  } while (after !== undefined)
}

/** The telling that an entry of the audit log is of; undefined where it is of none, or older than digests are. */
export function tellingOf({
  type,
  subject,
  detail,
}: Pick<SecurityEvent, 'type' | 'subject' | 'detail'>): Telling | undefined {
  const [, digits] = /^partition\/(\d{1,4})$/.exec(subject) ?? []
  const { firstSequence, lastSequence, messages } = detail
  if (digits === undefined || typeof messages !== 'number') return undefined
  if (typeof firstSequence !== 'number' || typeof lastSequence !== 'number') return undefined
  const place = { partition: Number(digits), firstSequence, lastSequence, messages }
  const { reason, pages, bytes, sha256, merged, adopted } = detail
  if (type === 'telemetry.retired') {
    return reason === 'age' || reason === 'size' ? { kind: 'retired', ...place, reason } : undefined
  }
  if (type !== 'telemetry.paged') return undefined
  if (typeof pages !== 'number' || typeof bytes !== 'number' || typeof sha256 !== 'string') return undefined
  return {
    kind: 'paged',
    ...place,
    pages,
    bytes,
    sha256,
    ...(typeof merged === 'number' ? { merged } : {}),
    ...(adopted === true ? { adopted } : {}),
  }
}
