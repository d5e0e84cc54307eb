/**
 * What is wrong with RSA keys that are long enough: made by generators that are known to be broken, or by nobody who
 * meant it. Each check is bounded, for keys come from peers; together they take a fraction of a millisecond.
 */

import { FERMAT_STEPS_MAX, RSA_EXPONENT_MAX, RSA_EXPONENT_MIN, SMALL_PRIME_MAX } from './limits.ts'

export type RsaFault =
  /** Even, under 65537 (FIPS 186-5 §5.4(e)), or above what is worth checking signatures with. */
  | 'exponent'
  /** A prime factor of a few digits: no RSA modulus at all. */
  | 'small-factor'
  /** CVE-2017-15361 ("ROCA"): primes of Infineon's library, from a set that can be searched. */
  | 'roca'
  /** CVE-2022-26320: primes so close that Fermat's method finds them at once. */
  | 'close-primes'

/** @param modulus of at least 2048 bits; where it is shorter, that is what is wrong with it. */
export function rsaFaultOf(modulus: bigint, exponent: bigint): RsaFault | undefined {
  const isOdd = (exponent & 1n) === 1n
  if (!isOdd || exponent < RSA_EXPONENT_MIN || exponent > RSA_EXPONENT_MAX) return 'exponent'
  if (hasSmallFactor(modulus)) return 'small-factor'
  if (isRoca(modulus)) return 'roca'
  return hasClosePrimes(modulus) ? 'close-primes' : undefined
}

const SMALL_PRIMES: readonly number[] = primesTo(SMALL_PRIME_MAX)

/** Products of small primes under 2^53, so that one long division serves for many primes. */
const PRIME_GROUPS: readonly { readonly product: bigint; readonly primes: readonly number[] }[] = groupsOf(SMALL_PRIMES)

function hasSmallFactor(modulus: bigint): boolean {
  return PRIME_GROUPS.some(({ product, primes }) => {
    const rest = Number(modulus % product)
    return primes.some((prime) => rest % prime === 0)
  })
}

/**
 * Nemec, Sys, Svenda, Klinec, Matyas, "The Return of Coppersmith's Attack" (2017) §2.1: the primes are k·M + 65537^a mod M,
 * so that a modulus is a power of 65537 modulo each prime that divides M. Of other keys one in 2^27 or so is.
 */
const ROCA_PRIMES: readonly number[] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]
const ROCA_POWERS: readonly ReadonlySet<number>[] = ROCA_PRIMES.map((prime) => {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * (65_537 % prime)) % prime) powers.add(power)
  return powers
})

function isRoca(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime, index) => ROCA_POWERS[index]?.has(Number(modulus % BigInt(prime))) === true)
}

/** Fermat: n = a² - b², with a just above the root of n where the primes are close. */
function hasClosePrimes(modulus: bigint): boolean {
  let a = rootOf(modulus)
  if (a * a < modulus) a += 1n
  let rest = a * a - modulus
  for (let step = 0; step < FERMAT_STEPS_MAX; step += 1) {
    if (isSquare(rest)) return true
    rest += 2n * a + 1n
    a += 1n
  }
  return false
}

/** Squares are rare among remainders, so that nearly all numbers are told apart without taking a root. */
const SQUARE_TESTS: readonly { readonly by: number; readonly squares: ReadonlySet<number> }[] = [
  64, 63, 65, 11, 17,
].map((by) => ({ by, squares: new Set(Array.from({ length: by }, (_, root) => (root * root) % by)) }))
const SQUARE_TESTS_PRODUCT = 64n * 63n * 65n * 11n * 17n

function isSquare(value: bigint): boolean {
  const rest = Number(value % SQUARE_TESTS_PRODUCT)
  if (!SQUARE_TESTS.every(({ by, squares }) => squares.has(rest % by))) return false
  const root = rootOf(value)
  return root * root === value
}

/** The whole part of the square root, by Newton's steps from above: their number grows with the logarithm of the bits. */
function rootOf(value: bigint): bigint {
  if (value < 2n) return value
  let root = 1n << BigInt((value.toString(16).length + 1) * 2)
  for (;;) {
    const next = (root + value / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

function primesTo(max: number): readonly number[] {
  const primes: number[] = []
  for (let candidate = 3; candidate <= max; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  }
  return [2, ...primes]
}

function groupsOf(
  primes: readonly number[],
): readonly { readonly product: bigint; readonly primes: readonly number[] }[] {
  const groups: { product: bigint; primes: number[] }[] = []
  for (const prime of primes) {
    const last = groups.at(-1)
    if (last !== undefined && last.product * BigInt(prime) < 1n << 53n) {
      last.product *= BigInt(prime)
      last.primes.push(prime)
    } else {
      groups.push({ product: BigInt(prime), primes: [prime] })
    }
  }
  return groups
}
