/** Every bound of this package, with its unit and its reason. */

/** Patterns of one kind in a filter: a person wrote them. */
export const FILTER_PATTERNS_MAX = 64

/** Characters of a pattern: a subject, and its star. */
export const PATTERN_CHARACTERS_MAX = 1_025

/** Characters of the name of a view, a plan or a sink: a label that is typed. */
export const NAME_CHARACTERS_MAX = 63

/** Views and plans of a hub: each plan is looked at every minute. */
export const VIEWS_MAX = 500
export const PLANS_MAX = 100

/** Entries in a sample: more is not read with care. */
export const SAMPLE_ENTRIES_MAX = 500

/** Characters of what a reviewer writes. */
export const STATEMENT_CHARACTERS_MAX = 2_000

/** Findings of one review. */
export const FINDINGS_MAX = 200

/** After how long an overdue review goes on to the next role, in milliseconds (controls, OP-3.d). */
export const ESCALATION_MS = 14 * 86_400_000

/** Entries of the log that one review looks through to draw its sample: some minutes beside all other work. */
export const REVIEW_ENTRIES_MAX = 2_000_000

/** Reviews that are open at a time: nobody signs more, and each is looked at every minute. */
export const REVIEWS_OPEN_MAX = 200

/** Entries of one timeline's answer. */
export const TIMELINE_ENTRIES_MAX = 1_000

/** Entries about one device that a timeline looks back over: some two seconds of the state thread, in small steps. */
export const TIMELINE_READ_MAX = 20_000
