/** Randomness as pure code receives it. MUST come from the system's cryptographic generator outside of tests. */
export type RandomBytes = (count: number) => Uint8Array

/** `count` random bytes as base64. */
export function randomBase64(random: RandomBytes, count: number): string {
  return Buffer.from(random(count)).toString('base64')
}

/** `count` (at most 8) random bytes as a decimal number, as IoT Hub writes generation ids. */
export function randomDecimal(random: RandomBytes, count: number): string {
  return BigInt(`0x${Buffer.from(random(count)).toString('hex')}`).toString()
}
