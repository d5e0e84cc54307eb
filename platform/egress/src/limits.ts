/** Every bound of this package, with its unit and its reason. */

/** How long one delivery may take from the first question to the name server, in milliseconds. */
export const DELIVERY_MS_MAX = 30_000

/** How long a name server may take, in milliseconds: of the time of the delivery. */
export const RESOLVE_MS_MAX = 10_000

/** Addresses of one name that are looked at; a name with more is refused, for one of them may be the wrong one. */
export const ADDRESSES_MAX = 32

/** Bytes of an answer that are read; a receiver of events has little to say. */
export const ANSWER_BYTES_MAX = 64 * 1024

/** Bytes of an answer's header, as Node's own default. */
export const ANSWER_HEADER_BYTES_MAX = 16 * 1024

/** Characters of an address as a person writes it. */
export const URL_LENGTH_MAX = 2_048

/** The only port below 1024 that is called: what else listens there is never what an operator meant. */
export const LOW_PORTS: readonly number[] = [443, 601]
