/** Every bound of this package, with its unit and its reason. */

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** People on the roll, those who were removed among them: all are in memory, a kilobyte each. */
export const OPERATORS_MAX = 1_000

/** Passkeys of one person: two or three are usual, and a list of them goes to the browser at each enrolment. */
export const PASSKEYS_MAX = 10

/** Characters of a passkey's name. */
export const PASSKEY_NAME_CHARACTERS_MAX = 64

/** Characters of a credential id in base64url: authenticators give 16 to 64 bytes, WebAuthn §4 allows 1,023. */
export const CREDENTIAL_ID_CHARACTERS_MAX = 1_364

/** Characters of each other part of what an authenticator answers: a certificate chain fits, a flood does not. */
export const ANSWER_CHARACTERS_MAX = 32_768

/** Roles of one person, and characters of one role's name. */
export const ROLES_MAX = 16
export const ROLE_CHARACTERS_MAX = 63

/** Bytes of the secret in a link: nobody guesses 160 bits. */
export const LINK_BYTES = 20
/** Of what names a session, a proposal, a recovery, a workstation. */
export const ID_BYTES = 12
/** How long a link waits to be used, in milliseconds. */
export const LINK_LIFE_MS = 24 * HOUR_MS
/** Links that wait at once. */
export const LINKS_MAX = 200

/** Bytes of a challenge; WebAuthn §13.4.3 asks for 16 at least. */
export const CHALLENGE_BYTES = 32
/** How long a ceremony may take, in milliseconds: to find the key, to touch it, to type its PIN twice. */
export const CEREMONY_LIFE_MS = 5 * MINUTE_MS
/** Ceremonies under way at once; anybody can begin one, so the one begun first gives way. About 200 bytes each. */
export const CEREMONIES_MAX = 4_096
/** Of these, those of one network address: an office behind one address has this many people signing in at once. */
export const CEREMONIES_PER_ADDRESS_MAX = 256

/** Bytes of a session's token. */
export const SESSION_TOKEN_BYTES = 32
/** How long a session lasts without a request, and in all, in milliseconds, unless the settings say otherwise. */
export const SESSION_IDLE_MS = 15 * MINUTE_MS
export const SESSION_LIFE_MS = 8 * HOUR_MS
/** Sessions of one person at once; the one that was used least recently ends for the next. */
export const SESSIONS_PER_OPERATOR_MAX = 16
/** How long a session that ended stays in the list, in milliseconds, and how many of them. */
export const ENDED_SESSION_LIFE_MS = 30 * DAY_MS
export const ENDED_SESSIONS_MAX = 2_000
/** When a session was last used goes to the disk so often, in milliseconds; memory knows it to the millisecond. */
export const SESSION_WRITE_MS = MINUTE_MS
/** Characters of what a browser says of itself that are kept. */
export const AGENT_CHARACTERS_MAX = 160

/** How long somebody who proved to be there counts as there, in milliseconds. */
export const PRESENCE_LIFE_MS = 5 * MINUTE_MS

/** How long a recovery waits for its approvals, in milliseconds, and how many wait at once. */
export const RECOVERY_LIFE_MS = 3 * DAY_MS
export const RECOVERIES_MAX = 50
/** Other people who have to approve a recovery. */
export const RECOVERY_APPROVALS = 2
/** Proposals that wait at once, those of one proposer, and decided ones that are remembered. */
export const PROPOSALS_MAX = 100
export const PROPOSALS_OF_ONE_MAX = 20
export const DECIDED_PROPOSALS_MAX = 500
/** Characters of a reason. */
export const REASON_CHARACTERS_MAX = 256

/** Characters of a code that people type, of an alphabet of 20: with what is tried being bounded, 34 bits are plenty. */
export const CODE_CHARACTERS = 8
/** How long a code counts, in milliseconds. */
export const CODE_LIFE_MS = 10 * MINUTE_MS
/** Codes that wait at once, those of one network address, and the wrong ones that one asker may try. */
export const CODES_MAX = 1_000
export const CODES_PER_ADDRESS_MAX = 32
export const CODE_GUESSES = { perSecond: 1 / 30, burst: 10 } as const
/** Askers whose guesses are counted one by one. */
export const GUESSERS_MAX = 4_096

/** Workstations on the roll, and those of one person. */
export const WORKSTATIONS_MAX = 2_000
export const WORKSTATIONS_PER_OPERATOR_MAX = 8
/** Bytes of a statement of a workstation: its report is under one kilobyte. */
export const STATEMENT_BYTES_MAX = 4_096
/** By how much a workstation's clock may differ from the hub's, in milliseconds. */
export const STATEMENT_SKEW_MS = 5 * MINUTE_MS
