/** Every bound of this package, with unit and reason. */

/** Random bytes of a challenge, as many as the digest that a TPM carries them in. */
export const NONCE_BYTES = 32

/** How long a challenge may be answered, in milliseconds: a TPM signs in a second, a slow line carries a log in a minute. */
export const CHALLENGE_MS = 120_000

/** How long an attestation key may take to be activated, in milliseconds: firmware TPMs need seconds for it. */
export const ACTIVATION_MS = 300_000

/** Secret that only the TPM of an endorsement key can give back, in bytes: at most the digest of a name. */
export const ACTIVATION_SECRET_BYTES = 32

/** Challenges, and enrolments of keys, that wait for their answer at most; one a device. The oldest go, and ask again. */
export const WAITING_MAX = 16_384

/** Longest TPMS_ATTEST, in bytes: a quote over every bank has less than 300. */
export const ATTEST_BYTES_MAX = 1_024

/** Longest TPMT_SIGNATURE, in bytes: an RSA key of 4096 bits has 518. */
export const SIGNATURE_BYTES_MAX = 1_024

/** Longest certificate of an endorsement key, in bytes. */
export const ENDORSEMENT_CERTIFICATE_BYTES_MAX = 8_192

/** Reasons that one judgement keeps; a wrong log differs in hundreds of events, and the first say why. */
export const REASONS_MAX = 24

/** Digests named as expected in one reason. */
export const EXPECTED_MAX = 4

/** Longest document of reference values, in bytes. */
export const DOCUMENT_BYTES_MAX = 262_144

/** Documents of reference values, and keys that may sign them: all are in memory. */
export const DOCUMENTS_MAX = 1_024
export const SIGNERS_MAX = 64

/** Of one document: events in all, alternatives for one event or PCR, denied digests, models. */
export const EVENTS_MAX = 4_096
export const ALTERNATIVES_MAX = 64
export const DENIED_MAX = 4_096
export const MODELS_MAX = 64

/** Characters of a description or the reason for a denial. */
export const TEXT_CHARACTERS_MAX = 512

/** Age that a policy may give a quote, in milliseconds: from a second to a year. */
export const MAX_AGE_MS_MIN = 1_000
export const MAX_AGE_MS_MAX = 31_536_000_000

/** Policies that are of one device and not of a model. */
export const DEVICE_POLICIES_MAX = 100_000

/** How far a wall clock may be behind what it was, in milliseconds, before a verdict from the future counts as stale. */
export const CLOCK_TURNED_BACK_MS = 60_000

/** Roots of TPMs' manufacturers; there are some 30 manufacturers, with a handful of roots and intermediates each. */
export const ENDORSEMENT_ROOTS_MAX = 256
