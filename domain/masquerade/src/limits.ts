/** Every bound of this package, with its unit and its reason. */

/** Connections of one identity that are remembered; alternation shows in four. About 150 bytes each. */
export const SIGHTINGS_MAX = 6

/** Findings of one kind that are remembered of one identity: as many as the heaviest kind needs to reach its most. */
export const FINDINGS_PER_KIND_MAX = 8

/** Characters of what a finding says, and of what is kept of a client's description of itself. */
export const DETAIL_CHARACTERS_MAX = 160
export const CLIENT_CHARACTERS_MAX = 48

/** Characters of a stored dossier; well above what the bounds above come to. */
export const DOSSIER_CHARACTERS_MAX = 32_768

/** Identities without a connection whose facts are in memory, about 500 bytes each; what must last is on disk too. */
export const DOSSIERS_MAX = 50_000

/**
 * Within this time, in milliseconds, who was taken over from comes back and takes over again, if two clients use one
 * identity: they try again within seconds. A device that roams stays longer where it came to.
 */
export const ALTERNATION_MS = 60_000

/** As well where the two are different kinds of clients, which roaming does not explain: clients back off for minutes. */
export const CLIENT_ALTERNATION_MS = 600_000

/** So many take-overs of one identity in so many milliseconds are a storm. */
export const STORM_TAKEOVERS = 8
export const STORM_MS = 300_000

/** One finding of a kind from the same cause in so many milliseconds: the next says nothing new. */
export const REPEAT_MS = 30_000

/** Bytes of a nonce, of which there is one a connection, and characters of what a device may show for one. */
export const NONCE_BYTES = 16
export const NONCE_CHARACTERS_MAX = 64

/** How long a device that takes part may leave a nonce unanswered, in milliseconds, before that is a finding. */
export const SILENCE_MS = 120_000

/** The highest counter that JSON carries exactly. */
export const COUNTER_MAX = Number.MAX_SAFE_INTEGER

/** Dossiers of one write of the store: a second's worth when many are found something at once. */
export const FLUSH_RECORDS_MAX = 1_000
