/** Every bound of the fuzzer. */

/** Inputs between two looks at the coverage. A look costs about half a millisecond, an input about ten microseconds. */
export const BATCH_INPUTS = 64

/** Mutations laid on one input at most. */
export const MUTATIONS_MAX = 6

/** Inputs kept in memory for one target; the oldest found go first. */
export const POOL_INPUTS_MAX = 2_000

/** Inputs stored for one target: each is replayed by every `npm test`. */
export const CORPUS_INPUTS_MAX = 300

/** One run that takes longer than this hangs, in milliseconds; a healthy one takes a thousandth, even where load is high. */
export const HANG_MS = 10_000

/** How often the watcher looks, in milliseconds. */
export const WATCH_MS = 250

/** Runs that making a failing input smaller may take. */
export const SHRINK_RUNS_MAX = 2_000

/** A prefix of a stored input is tried at every byte up to here: prefixes cost the square of the length. */
export const PREFIX_BYTES_MAX = 600
