/** Lock tokens and made-up message ids: random UUIDs (RFC 9562 §5.4), as Azure's clients know them. */

/** @param random from the system's cryptographic generator: whoever guesses a token settles another's message. */
export function randomUuid(random: (bytes: number) => Uint8Array): string {
  const bytes = Uint8Array.from(random(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
