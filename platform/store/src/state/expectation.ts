import type { Expectation, WriteOutcome } from '@holdfast/identity'

/** What a checked write comes to. `etag` is the stored record's, undefined where there is none. */
export function judge(expected: Expectation, etag: string | undefined): WriteOutcome {
  switch (expected.kind) {
    case 'absent':
      return etag === undefined ? 'written' : 'exists'
    case 'present':
      return etag === undefined ? 'missing' : 'written'
    case 'etag':
      if (etag === undefined) return 'missing'
      return etag === expected.etag ? 'written' : 'etag-mismatch'
    case 'any':
      return 'written'
  }
}

/** As `judge`, for deleting: what is not there cannot be deleted, whatever was expected. */
export function judgeDeletion(expected: Expectation, etag: string | undefined): WriteOutcome {
  return etag === undefined ? 'missing' : judge(expected, etag)
}
