/** Every bound of this package, with its unit and its reason. */

/** Bytes of one message between the hub and the process that holds the token: the largest carries 16 KiB to be signed or wrapped. */
export const MESSAGE_BYTES_MAX = 64 * 1024

/** Requests that wait for the token. It signs some hundreds a second at best; who comes later is told to come again. */
export const WAITING_MAX = 256

/** How long the token may take for one request, in milliseconds. Cheap cards make an RSA pair in a minute. */
export const ANSWER_MS_MAX = 90_000

/** How long after a crash of the token's process the next is started, in milliseconds: doubles up to the second. */
export const RESTART_MS_MIN = 250
export const RESTART_MS_MAX = 30_000

/** A process that has answered for so long starts the doubling anew, in milliseconds. */
export const STEADY_MS = 60_000

/** Objects of one kind in a token that are looked at. */
export const OBJECTS_MAX = 1_024
