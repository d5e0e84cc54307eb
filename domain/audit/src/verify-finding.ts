/** What verification can find, and how it is told. */

export type FindingKind =
  /** The entry is not what was signed. */
  | 'altered'
  | 'missing'
  /** Another entry stands in its place. */
  | 'reordered'
  /** The body is not what the leaf commits to. */
  | 'body'
  /** The tree that the log keeps is not that of its entries, which are as they were signed. */
  | 'tile'
  /** All that is kept fits together, and not to what was signed: something of the range was rewritten. */
  | 'rewritten'
  /** Entries that were signed for are gone from the end. */
  | 'truncated'
  /** The log signed two histories. */
  | 'forked'
  | 'signature'
  | 'cosignature'
  | 'key'
  /** The bundle is no bundle, or not all of it. */
  | 'malformed'

export interface Finding {
  readonly kind: FindingKind
  /** The first entry that is concerned; undefined where it is about none in particular. */
  readonly first?: number
  /** The last, where it is known only that it is one of several. */
  readonly last?: number
  /** What contradicts what, in one line. */
  readonly reason: string
}

/** In one line, beginning with what it is about. */
export function formatFinding({ kind, first, last, reason }: Finding): string {
  if (first === undefined) return reason
  if (last === undefined || last === first) return `entry ${first} ${HAPPENED[kind]}: ${reason}`
  if (kind === 'tile') return `the tree over entries ${first} to ${last} was altered: ${reason}`
  if (kind === 'forked') return `the log has two histories, which part from ${first} to ${last}: ${reason}`
  if (kind === 'rewritten') return `an entry from ${first} to ${last} was altered: ${reason}`
  return `entries ${first} to ${last} ${HAPPENED[kind].replace(/^(was|is)/, (verb) => (verb === 'was' ? 'were' : 'are'))}: ${reason}`
}

const HAPPENED: Readonly<Record<FindingKind, string>> = {
  altered: 'was altered',
  missing: 'is missing',
  reordered: 'is out of place',
  body: 'was altered in its body',
  tile: 'is as it was signed, but its place in the tree was altered',
  rewritten: 'was altered',
  truncated: 'is missing',
  forked: 'is not the same in two histories',
  signature: 'is not signed for',
  cosignature: 'is not cosigned for',
  key: 'is signed by another key',
  malformed: 'cannot be read',
}
