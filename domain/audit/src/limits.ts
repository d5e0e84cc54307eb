/** Every bound of an event, with its unit and its reason. */

/** Characters of a subject or an actor: two ids of 128 characters, percent-encoded or in a longer path. */
export const NAME_CHARACTERS_MAX = 1_024

/** Characters of how an act came in: a transport and an address. */
export const SOURCE_CHARACTERS_MAX = 256

/** Characters of one fact: a connection policy as text is the longest, 8 KiB at the most. */
export const TEXT_CHARACTERS_MAX = 16_384

/** Characters of all facts of an event, names included: so an entry stays far below a page of anything. */
export const BODY_CHARACTERS_MAX = 32_768
