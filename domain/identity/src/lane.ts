/** How much an identity may do once it has proved itself. Each lane is part of the one before it. */

/**
 * `full`: everything. `remediation`: what mends a device that is not trusted just now. `renewal`: get a new certificate,
 * and attest. docs/decisions/0003-trust.md says what that is, word for word.
 */
export const LANES = ['full', 'remediation', 'renewal'] as const

export type Lane = (typeof LANES)[number]

/** The narrower of the two. */
export function narrower(a: Lane, b: Lane): Lane {
  return LANES.indexOf(a) >= LANES.indexOf(b) ? a : b
}
