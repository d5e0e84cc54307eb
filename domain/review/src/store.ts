/** What reviews need from a disk. */

import type { Because } from '@holdfast/audit'

export const REVIEW_KINDS = ['view', 'plan', 'review', 'finding'] as const
export type ReviewKind = (typeof REVIEW_KINDS)[number]

/** A thing of this domain as a document; what it holds is the domain's own. */
export interface ReviewRecord {
  readonly kind: ReviewKind
  readonly id: string
  /** Whether something is still to be done about it; views and plans always are. */
  readonly isOpen: boolean
  /** JSON text. */
  readonly document: string
}

export interface ReviewChange {
  readonly put: readonly ReviewRecord[]
  readonly remove: readonly Pick<ReviewRecord, 'kind' | 'id'>[]
}

export interface ReviewPage {
  readonly kind: ReviewKind
  /** Only those that are, or are not; both unless told. */
  readonly isOpen?: boolean
  /** Strictly after this id, in ascending order. */
  readonly after?: string
  /** 1 to 1,000. */
  readonly limit: number
}

/** Implementers MUST make a change durable before they resolve, whole or not at all, with its events. */
export interface ReviewStore {
  listReviewRecords(page: ReviewPage): Promise<readonly ReviewRecord[]>
  readReviewRecord(kind: ReviewKind, id: string): Promise<ReviewRecord | undefined>
  changeReviewRecords(change: ReviewChange, because?: Because): Promise<void>
}
