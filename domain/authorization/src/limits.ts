/** Every bound of authorization, with its unit and its reason. */

/** Organisations of a hub. Each has a set of policies in memory, some tens of kilobytes. */
export const ORGANISATIONS_MAX = 256

/** Sites of an organisation, and fleets of a site: lists of devices are narrowed fleet by fleet. */
export const SITES_MAX = 256
export const FLEETS_PER_SITE_MAX = 256

/** Fleets of an organisation: a decision for each stands behind a list that is asked for. */
export const FLEETS_MAX = 1_024

/** Roles of an organisation: all their policies are looked at for each decision. */
export const ROLES_MAX = 32

/** UTF-16 units of the text of a role: people have to be able to read it. */
export const ROLE_TEXT_CHARACTERS_MAX = 16_384

/** Policies in a role, for the same reason and for the cost of decisions. */
export const ROLE_POLICIES_MAX = 32

/** Brackets within brackets in the text of a role: what reads it does so by recursion. */
export const ROLE_TEXT_DEPTH_MAX = 32

/** Versions of a role that are kept, for whoever asks what it said before. */
export const ROLE_VERSIONS_KEPT = 100

/** Assignments of an organisation. They are all in memory, at some 200 bytes. */
export const ASSIGNMENTS_MAX = 10_000

/** Assignments of one person or token in an organisation: each is looked at for each of their decisions. */
export const ASSIGNMENTS_PER_PRINCIPAL_MAX = 64

/** Decisions that are remembered, at some 300 bytes. */
export const DECISIONS_CACHED_MAX = 20_000

/** How long it is counted who used what, in days: the longest look back that is of use in a yearly review, and a month. */
export const USE_KEPT_DAYS = 400

/** Counters between two writes to the disk. Beyond, they are written earlier. */
export const USE_COUNTERS_MAX = 10_000

/** Characters of the name of whoever has a role, e.g. `operator/…`. */
export const PRINCIPAL_CHARACTERS_MAX = 160
