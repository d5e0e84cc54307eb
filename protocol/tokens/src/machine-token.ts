/**
 * Tokens of machines: `hft_`, 43 characters of base62 that hold 256 random bits, and their CRC-32 (ISO 3309, as zlib has
 * it) in 6 characters of base62. Whoever scans for leaks knows one by its form and its checksum, and needs nobody for it:
 * the checksum is over all that stands before it, `hft_` included.
 */

export const MACHINE_TOKEN_PREFIX = 'hft_'

/** What a scanner looks for; a hit counts where the checksum holds (`isMachineToken`). */
export const MACHINE_TOKEN_PATTERN = 'hft_[0-9A-Za-z]{49}'

/** Bytes of the secret. */
export const MACHINE_TOKEN_BYTES = 32

/** 62^43 > 2^256. */
const SECRET_CHARACTERS = 43
/** 62^6 > 2^32. */
const CHECKSUM_CHARACTERS = 6

export const MACHINE_TOKEN_CHARACTERS = MACHINE_TOKEN_PREFIX.length + SECRET_CHARACTERS + CHECKSUM_CHARACTERS

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = new RegExp(`^${MACHINE_TOKEN_PATTERN}$`)

/**
 * @param secret 32 bytes of the system's cryptographic generator.
 * @throws TypeError for any other number of bytes.
 */
export function formatMachineToken(secret: Uint8Array): string {
  if (secret.length !== MACHINE_TOKEN_BYTES) throw new TypeError(`a token is made from ${MACHINE_TOKEN_BYTES} bytes`)
  const body = MACHINE_TOKEN_PREFIX + base62(BigInt(`0x${Buffer.from(secret).toString('hex')}`), SECRET_CHARACTERS)
  return body + checksumOf(body)
}

/** Whether a text has the form and the checksum; whether a hub knows it is another question. */
export function isMachineToken(text: string): boolean {
  if (text.length !== MACHINE_TOKEN_CHARACTERS || !FORM.test(text)) return false
  const body = text.slice(0, -CHECKSUM_CHARACTERS)
  return text.endsWith(checksumOf(body))
}

function checksumOf(body: string): string {
  return base62(BigInt(crc32(Buffer.from(body, 'latin1'))), CHECKSUM_CHARACTERS)
}

function base62(value: bigint, characters: number): string {
  let text = ''
  let rest = value
  for (let at = 0; at < characters; at += 1) {
    text = ALPHABET.charAt(Number(rest % 62n)) + text
    rest /= 62n
  }
  return text
}

/** Reflected, polynomial 0xEDB88320. Bit by bit: it is 47 bytes. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
