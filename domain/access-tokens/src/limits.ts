/** Every bound of machines' tokens, with its unit and its reason. */

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Tokens of a hub. They are all in memory, at about a kilobyte. */
export const TOKENS_MAX = 10_000

/** Characters of a name: that of a DNS label. */
export const TOKEN_NAME_CHARACTERS_MAX = 63

/** Grants of one token: each is looked at for each of its requests. */
export const SCOPE_GRANTS_MAX = 16

/** How long a token lasts unless asked, and at most, in milliseconds. */
export const LIFE_DEFAULT_MS = DAY_MS
export const LIFE_MAX_MS = 90 * DAY_MS
export const LIFE_MIN_MS = 60_000

/** How long the old secret works on beside the new one unless asked, and at most, in milliseconds. */
export const OVERLAP_DEFAULT_MS = HOUR_MS
export const OVERLAP_MAX_MS = 7 * DAY_MS

/** After which time without use a token is told of, in milliseconds. */
export const UNUSED_MS = 30 * DAY_MS

/** How long a token that has expired is still listed, in milliseconds: whoever wonders why nothing works finds it. */
export const EXPIRED_KEPT_MS = 30 * DAY_MS

/** How long an address from which a canary was used is refused with all that did not come from there before. */
export const CANARY_REFUSAL_MS = 10 * 60_000

/** Addresses so refused, and pairs of address and token that came in before, at some 100 bytes. */
export const REFUSED_ADDRESSES_MAX = 4_096
export const FAMILIAR_MAX = 20_000

/** Texts in one report: what a scanner sends at once. */
export const REPORTED_MAX = 100

/** Tokens whose use is written at one upkeep: each is one write, and there is a next one. */
export const USES_WRITTEN_MAX = 500
