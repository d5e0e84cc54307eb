/** Every bound of this package, with unit and reason. */

/** Longest TPM2B that stands in a structure of ours, in bytes: an RSA key of 4096 bits is 512, a quote is less than 200. */
export const SIZED_BYTES_MAX = 1_024

/** Longest public area, in bytes: an RSA key of 4096 bits with a policy has less than 700. */
export const PUBLIC_BYTES_MAX = 1_024

/** Longest command and response, in bytes: TPM_PT_MAX_COMMAND_SIZE and _RESPONSE_SIZE are 4096 on every part we know. */
export const COMMAND_BYTES_MAX = 4_096
export const RESPONSE_BYTES_MAX = 4_096

/** Most banks in a selection of PCRs: HASH_COUNT; no TPM has more than a handful of hash algorithms. */
export const PCR_BANKS_MAX = 16

/** Bytes of one bank's bitmap: at least PCR_SELECT_MIN (3, for 24 PCRs), and no part has more than 32 PCRs. */
export const PCR_SELECT_BYTES_MIN = 3
export const PCR_SELECT_BYTES_MAX = 4

/** Most digests in a list (TPML_DIGEST, Part 2 §10.9.4). */
export const DIGESTS_MAX = 8

/** Largest secret in a credential blob, in bytes: the digest of the largest name algorithm we take. */
export const CREDENTIAL_BYTES_MAX = 64

/** Largest secret of a keyed hash object, in bytes: MAX_SYM_DATA (Part 2 §11.1.3) is 128 on every part we know. */
export const SENSITIVE_DATA_BYTES_MAX = 128

/** Most sessions that authorize one command (MAX_SESSION_NUM). */
export const SESSIONS_MAX = 3
