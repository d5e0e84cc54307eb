/** Every bound of the fleet, with unit and reason. */

/** Simulated devices in one process; each holds a TLS connection of some 50 KiB. */
export const DEVICES_MAX = 20_000

/** Messages a second in all that one process is asked for at most; beyond that the generator itself is measured. */
export const RATE_MAX = 100_000

/** QoS 1 publications without PUBACK that one device lets stand before it holds back. */
export const INFLIGHT_MAX = 16

/** Handshakes under way at once while a fleet connects, so that starting is no flood of half-open connections. */
export const HANDSHAKES_MAX = 32

/** Calls of the hub's API under way at once while identities are made. */
export const CALLS_MAX = 16

/** From the first byte of TCP to a finished handshake, in milliseconds. */
export const HANDSHAKE_MS_MAX = 15_000

/** Backoff between attempts, in milliseconds: the first, and the longest. */
export const BACKOFF_MS_MIN = 500
export const BACKOFF_MS_MAX = 15_000

/** How often a device whose credential is wrong tries again, in milliseconds. */
export const REFUSED_RETRY_MS = 10_000

/** Life of a device's token in seconds, and the part of it after which it is renewed by connecting again. */
export const TOKEN_SECONDS = 3_600
export const TOKEN_RENEWAL_PART = 0.85

/** How long the end waits for acknowledgements still on their way, in milliseconds. */
export const DRAIN_MS_MAX = 5_000

/** Provisioning, from connecting to an assignment, in milliseconds. */
export const PROVISIONING_MS_MAX = 60_000

/** An answer of the hub's API, in bytes. */
export const ANSWER_BYTES_MAX = 1024 * 1024
