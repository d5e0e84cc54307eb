/** Every bound of this package. */

/** Bytes of one certificate or request. RSA-4096 with many names stays under 4 KiB; post-quantum keys under 12. */
export const CERTIFICATE_BYTES_MAX = 16_384

/** Certificates that are looked at of what a peer sends: its leaf and the rest. */
export const CHAIN_CERTIFICATES_MAX = 8

/** Certificates on one path, leaf and anchor included. */
export const PATH_CERTIFICATES_MAX = 8

/** Signatures checked for one chain. Cross-signed certificates make many paths; a peer may not make us try them all. */
export const SIGNATURE_CHECKS_MAX = 24

/** Nesting and elements of one DER value. A certificate nests to 9 or so and has some 100 elements. */
export const DER_DEPTH_MAX = 16
export const DER_ELEMENTS_MAX = 2_048

/** Characters of PEM text, and blocks in it: a chain with the text that openssl prints around it. */
export const PEM_CHARACTERS_MAX = 262_144
export const PEM_BLOCKS_MAX = 16

/** Extensions of one certificate. */
export const EXTENSIONS_MAX = 32

/** Subtrees of names that one CA permits, and that it excludes: each is held against each name below. */
export const NAME_SUBTREES_MAX = 256

/** Names of one certificate that may stand below a CA with constraints, for the same reason. */
export const CONSTRAINED_NAMES_MAX = 256

/** Subject alternative names that we put into a certificate or take from a request. */
export const ALTERNATIVE_NAMES_MAX = 64

/** Characters of a common name (RFC 5280 appendix A.1, ub-common-name is 64; device ids have up to 128). */
export const COMMON_NAME_CHARACTERS_MAX = 128

/** Bits of an RSA modulus. Below is weak, above makes each check of a signature cost us what it does not cost the peer. */
export const RSA_BITS_MIN = 2_048
export const RSA_BITS_MAX = 8_192

/** Lowest public exponent of RSA (FIPS 186-5 §5.4(e)): all but a few keys have it. */
export const RSA_EXPONENT_MIN = 65_537n

/** Highest prime by which a modulus is tried. */
export const SMALL_PRIME_MAX = 4_096

/** Steps of Fermat's method: keys of broken generators fall in the first one or two. */
export const FERMAT_STEPS_MAX = 100

/** Entries of the lists of weak keys; Debian's for one length of keys have some 100,000. */
export const WEAK_KEYS_MAX = 500_000

/** Highest public exponent of RSA, for the same reason; all but a few keys have 65537. */
export const RSA_EXPONENT_MAX = 0xffff_ffffn

/** Bytes of a serial number: RFC 5280 §4.1.2.2 ends at 20; ours carry at least 64 random bits. */
export const SERIAL_NUMBER_BYTES_MIN = 8
export const SERIAL_NUMBER_BYTES_MAX = 20

/** How far before now our certificates begin, in milliseconds, for peers whose clocks run behind. */
export const BACKDATING_MS = 300_000

/**
 * Bytes of one revocation list. Half a million entries with long serial numbers and reasons; the list stays in memory
 * as it came, with four bytes an entry beside it.
 */
export const CRL_BYTES_MAX = 33_554_432

/** Bytes of a revocation list as it is handed in: PEM has a third more than what it says, and line breaks. */
export const CRL_INPUT_BYTES_MAX = 50_331_648

/** Bytes of a serial number in a list: RFC 5280 §4.1.2.2 has readers take 20, some CAs go above. */
export const CRL_SERIAL_BYTES_MAX = 64

/** Entries of one revocation list. */
export const CRL_ENTRIES_MAX = 1_000_000

/** Bytes of one OCSP request; openssl's for one certificate has some 120. */
export const OCSP_REQUEST_BYTES_MAX = 4_096

/** Certificates that one OCSP request may ask about: each costs us a lookup, and the answer a signature in all. */
export const OCSP_REQUEST_ITEMS_MAX = 16

/** Bytes of a nonce (RFC 9654 §2.1). */
export const OCSP_NONCE_BYTES_MAX = 128
