/** What lapses when, whoever keeps it: certificates of devices, authorities, enrolments and the hub itself. */

import type { Timestamp } from '@holdfast/base'
import { timestampOf } from '@holdfast/base'
import { identitySubject } from '@holdfast/identity'
import type { IssuedCertificate } from './issued-certificate.ts'
import type { IssuedCertificateStore } from './store.ts'

export const LAPSE_KINDS = [
  /** The certificate of a customer's authority that devices chain to. */
  'customer-authority',
  /** A certificate that the hub issued. */
  'device-certificate',
  /** The certificate of an individual enrolment, or the authority of a group. */
  'enrollment',
  /** The hub's roots, issuing authorities and its listeners' certificate. */
  'hub',
  /** The next update of a list of revoked certificates. */
  'revocation-list',
] as const

export type LapseKind = (typeof LAPSE_KINDS)[number]

export interface Lapse {
  readonly at: Timestamp
  readonly kind: LapseKind
  /** Whose it is, as in events: `device/pump-1`, `authority/acme`, `certificate/server-certificate`. */
  readonly subject: string
  /** Tells it from all others of its kind. */
  readonly id: string
  /** From when on a successor is offered, or made; absent where somebody has to think of it. */
  readonly renewal?: Timestamp
}

/** Where a page goes on: behind this one. */
export interface LapseCursor {
  readonly at: Timestamp
  readonly kind: LapseKind
  readonly id: string
}

export interface LapsePage {
  /** Lapses in [from, to). */
  readonly from: Timestamp
  readonly to: Timestamp
  readonly after?: LapseCursor
  /** 1..1000 */
  readonly limit: number
}

/** Implementers MUST answer in the order of `compareLapses`, strictly behind `after`, at most `limit`. */
export interface LapseSource {
  list(page: LapsePage): Promise<readonly Lapse[]>
}

/** By time, then by kind and id, so that a page ends at one place. */
export function compareLapses(a: LapseCursor, b: LapseCursor): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1
  return a.id < b.id ? -1 : Number(a.id > b.id)
}

/** Asks each source for a page and keeps the earliest: a page costs what is on it, whatever there is. */
export async function listLapses(sources: readonly LapseSource[], page: LapsePage): Promise<readonly Lapse[]> {
  const found = await Promise.all(sources.map((source) => source.list(page)))
  return found.flat().toSorted(compareLapses).slice(0, page.limit)
}

/** A source of things so few that they are listed whole. */
export function listedLapses(list: () => Promise<readonly Lapse[]> | readonly Lapse[]): LapseSource {
  return {
    list: async ({ from, to, after, limit }) =>
      (await list())
        .filter(
          (lapse) => lapse.at >= from && lapse.at < to && (after === undefined || compareLapses(lapse, after) > 0),
        )
        .toSorted(compareLapses)
        .slice(0, limit),
  }
}

/** The certificates that the hub issued and that are good; read page by page, for there may be millions. */
export function issuedLapses(store: Pick<IssuedCertificateStore, 'listIssuedByEnd'>): LapseSource {
  return {
    list: async ({ from, to, after, limit }) => {
      const records = await store.listIssuedByEnd({ ...behind(from, after), to, limit })
      return records.map(lapseOf)
    },
  }
}

const ISSUED: LapseKind = 'device-certificate'

function behind(
  from: Timestamp,
  after: LapseCursor | undefined,
): { readonly from: Timestamp; readonly after?: { readonly time: Timestamp; readonly sha256: string } } {
  if (after === undefined || after.at < from) return { from }
  if (after.kind === ISSUED) return { from, after: { time: after.at, sha256: after.id } }
  // At that time, those of a kind that comes before ours are done; ours are still to come, or are done too.
  return { from: after.kind < ISSUED ? after.at : timestampOf(after.at + 1) }
}

function lapseOf(record: IssuedCertificate): Lapse {
  return {
    at: record.notAfter,
    kind: ISSUED,
    subject: identitySubject(record.key),
    id: record.sha256,
    renewal: record.renewalTime,
  }
}
