/** Every bound of this package, with its unit and its reason. */

/** Networks of one policy; each is compared with the address of every connection. */
export const NETWORKS_MAX = 64

/** Characters of a network: the longest IPv6 address, a slash and three digits. */
export const NETWORK_CHARACTERS_MAX = 49

/** Identities with a policy of their own; all are held in memory, some hundred bytes each. */
export const POLICIES_OF_DEVICES_MAX = 10_000

/** Identities whose pace is remembered, about 200 bytes each; who was quiet longest is forgotten. */
export const PACES_MAX = 50_000

/**
 * Connections of one identity: a client that connects for each message may go on with two a second, and a hundred at
 * once after an outage. Each costs a TLS handshake, a proof and two events.
 */
export const CONNECTIONS = { perSecond: 2, burst: 100 } as const

/**
 * Take-overs of one identity: a dozen at once (a client that lost its network and does not know yet what of it still
 * works), then one in ten seconds. Two clients of one identity that take over from each other for ever come to that.
 */
export const TAKEOVERS = { perSecond: 0.1, burst: 12 } as const

/** How long whoever is too fast waits, in milliseconds: twice as long each time, and from the beginning after quiet. */
export const BACK_OFF_MS = { first: 1_000, most: 60_000 } as const

/** Identities in quarantine; all are held in memory, up to a kilobyte each. More are refused, with an event. */
export const QUARANTINED_MAX = 50_000

/** Characters of the reason of a quarantine, which holds the findings of a copy. */
export const REASON_CHARACTERS_MAX = 1_024
