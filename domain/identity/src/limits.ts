/** Every bound of this package. */

/** Devices (with their modules) remembered in memory; more are read from the store again. About 1 KiB each. */
export const IDENTITIES_CACHED_MAX = 100_000

/** Ids known not to exist; remembered so that asking for one twice costs what asking for a real one costs. */
export const ABSENT_CACHED_MAX = 10_000

/** Modules of one device (azure-iot.md §10 and the documentation of IoT Hub). */
export const MODULES_PER_DEVICE_MAX = 50

/** Bytes of a key that we make. */
export const KEY_BYTES = 32

/** Bytes of randomness in an ETag and in a generation id. */
export const ETAG_BYTES = 8
export const GENERATION_BYTES = 8

/** UTF-16 units of a status reason, as IoT Hub has it. */
export const STATUS_REASON_CHARACTERS_MAX = 128

/** Who looks after a module, in UTF-16 units. */
export const MANAGED_BY_CHARACTERS_MAX = 128

/** Edge devices above a device, as IoT Edge documents it. */
export const EDGE_LAYERS_MAX = 5

/** Characters of a scope: its scheme, an id, and the 20 digits of a generation. */
export const SCOPE_CHARACTERS_MAX = 256

/** How often one change is tried again when others write the same identity at the same time. */
export const CHANGE_ATTEMPTS_MAX = 5

/** Identities of one page of a list. */
export const PAGE_ITEMS_MAX = 1_000

/** Shared access policies that may exist: they are few, held in memory and looked through at each service call. */
export const POLICIES_MAX = 100

/** Customers' authorities that may exist; the chain of a device is compared with each. */
export const AUTHORITIES_MAX = 100

/** Characters of an authority's name. */
export const AUTHORITY_NAME_CHARACTERS_MAX = 128

/** Bytes of randomness in the nonce that proves possession of an authority's key. */
export const NONCE_BYTES = 24

/** Certificates of one path that lists are asked about: the longest path, and some above its anchor. */
export const PATH_LINKS_MAX = 12

/** Revocation lists in memory: one of each CA that has them, and bytes of them all. */
export const REVOCATION_LISTS_MAX = 64
export const REVOCATION_BYTES_MAX = 134_217_728

/** Keys whose identity is remembered; about 250 bytes each. */
export const KEY_CLAIMS_CACHED_MAX = 100_000

/** Verdicts over chains remembered, by the leaf's SHA-256. About 200 bytes each. */
export const CHAINS_CACHED_MAX = 100_000

/**
 * How long a refusal of a chain is remembered, in milliseconds: long enough that the same chain, shown again and again,
 * costs no signatures; short, because a refusal may end with time (an authority that is not valid yet).
 */
export const REFUSAL_LIFE_MS = 60_000

/**
 * Failures that one address may make as one identity: ten at once (a wrong key in a device that retries), then one in
 * five seconds.
 */
export const PAIR_FAILURES = { perSecond: 0.2, burst: 10 } as const

/** Failures as identities that do not exist, by address: a site being set up makes some, a search makes thousands. */
export const ADDRESS_FAILURES = { perSecond: 1, burst: 50 } as const

/**
 * Failures as one identity, from anywhere. The first is what a device with a wrong key and its technician make; the
 * second nothing but an attack, which costs an HMAC and an event a try: then only addresses it came in from are heard.
 */
export const IDENTITY_FAILURES = { perSecond: 0.1, burst: 50 } as const
export const IDENTITY_FLOOD = { perSecond: 5, burst: 500 } as const

/** Failures of one address as identities that exist: a site whose keys were changed makes some hundred. */
export const KNOWN_FAILURES = { perSecond: 0.5, burst: 200 } as const

/** How long a pair that has failed waits for its next try while its identity or its address is under strict rules. */
export const STRICT_WAIT_MS = 300_000

/** Identities whose failures are counted at once; about 150 bytes each, twice. */
export const IDENTITIES_FAILED_MAX = 20_000

/** Buckets and familiar pairs remembered at once; about 150 bytes each. */
export const PAIRS_MAX = 50_000
export const ADDRESSES_MAX = 20_000
export const FAMILIAR_MAX = 100_000
