/** Every bound of this package. Those that Azure documents stand in `@holdfast/iothub`. */

/**
 * Calls under way in all: each holds a request of the back end's open, for ten minutes at most. A thousand calls a
 * second whose devices answer in a second are a quarter of it.
 */
export const CALLS_MAX = 4_096

/** Calls under way to one device or module: what it can be asked at once without being flooded. */
export const CALLS_PER_IDENTITY_MAX = 64

/** Bytes of the payloads of all calls that wait for their device to come; the others hold none. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024

/** Random bytes of a request id: it is the secret that joins an answer to its call, as long as a key of ours is. */
export const REQUEST_ID_BYTES = 16

/** Characters of a method's name; Azure documents 100. */
export const METHOD_NAME_CHARACTERS_MAX = 100
