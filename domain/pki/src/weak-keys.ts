/**
 * Keys that are known to be weak, or known to everybody, as lists that an operator hands in. One a line, `#` begins a
 * remark: 64 hex digits are SHA-256 of a SubjectPublicKeyInfo; 20 are the end of a SHA-1 as Debian's `openssl-blacklist`
 * has it for CVE-2008-0166 (of the text `Modulus=…` and a line break, as `openssl rsa -modulus` prints it).
 */

import { createHash, createPublicKey } from 'node:crypto'
import { PkiError } from './errors.ts'
import { WEAK_KEYS_MAX } from './limits.ts'

export class WeakKeys {
  /** Upper-case hex. */
  readonly #spkis: ReadonlySet<string>
  readonly #moduli: ReadonlySet<string>

  private constructor(spkis: ReadonlySet<string>, moduli: ReadonlySet<string>) {
    this.#spkis = spkis
    this.#moduli = moduli
  }

  /**
   * @param texts contents of files.
   * @throws PkiError `too-large` for over 500,000 keys, `bad-pem` for a line of another form, which it counts from 1.
   */
  static parse(texts: readonly string[]): WeakKeys {
    const [spkis, moduli] = [new Set<string>(), new Set<string>()]
    for (const text of texts) {
      for (const [index, line] of text.split(/\r?\n/).entries()) {
        const entry = line.replace(/#.*$/, '').trim().toUpperCase()
        if (entry === '') continue
        if (/^[0-9A-F]{64}$/.test(entry)) spkis.add(entry)
        else if (/^[0-9A-F]{20}$/.test(entry)) moduli.add(entry)
        else throw new PkiError('bad-pem', `line ${index + 1} of a list of weak keys is neither 64 nor 20 hex digits`)
        if (spkis.size + moduli.size > WEAK_KEYS_MAX) throw new PkiError('too-large', 'too many weak keys')
      }
    }
    return new WeakKeys(spkis, moduli)
  }

  get size(): number {
    return this.#spkis.size + this.#moduli.size
  }

  /** @param spki DER of SubjectPublicKeyInfo. */
  has(spki: Uint8Array): boolean {
    if (this.#spkis.has(createHash('sha256').update(spki).digest('hex').toUpperCase())) return true
    if (this.#moduli.size === 0) return false
    const modulus = modulusOf(spki)
    if (modulus === undefined) return false
    const digest = createHash('sha1').update(`Modulus=${modulus}\n`).digest('hex').toUpperCase()
    return this.#moduli.has(digest.slice(20))
  }
}

/** Of a hub without such lists. */
export const NO_WEAK_KEYS: Pick<WeakKeys, 'has'> = { has: () => false }

/** Upper-case hex without leading zeros, of an RSA key. */
function modulusOf(spki: Uint8Array): string | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    const { n } = key.export({ format: 'jwk' })
    return n === undefined ? undefined : Buffer.from(n, 'base64url').toString('hex').toUpperCase()
  } catch {
    return undefined
  }
}
