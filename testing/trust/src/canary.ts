/** A secret that is recognised wherever it turns up, in any of the forms that programs put bytes into. */

import { randomBytes } from 'node:crypto'

export class Canary {
  readonly name: string
  readonly bytes: Buffer
  readonly #forms: readonly Buffer[]

  /** @param secret a text (a passphrase, a PIN, a body) or bytes; random ones unless told. */
  constructor(name: string, secret: string | Buffer = randomBytes(32)) {
    this.name = name
    this.bytes = Buffer.from(secret)
    this.#forms = formsOf(this.bytes)
  }

  static text(name: string): Canary {
    return new Canary(name, `canary-${randomBytes(12).toString('hex')}`)
  }

  get base64(): string {
    return this.bytes.toString('base64')
  }

  get text(): string {
    return this.bytes.toString('utf8')
  }

  isIn(haystack: Buffer): boolean {
    return this.#forms.some((form) => haystack.includes(form))
  }
}

/** Raw, hex, and base64 at each of its three alignments, with the letters that URLs want, and encoded for them. */
function formsOf(bytes: Buffer): readonly Buffer[] {
  const whole = bytes.toString('base64')
  const aligned = [0, 1, 2].map((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    // What neighbours share a letter with is left out at both ends.
    return shifted.slice(shift === 0 ? 0 : 4, shifted.length - 4)
  })
  const texts = [bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...aligned]
  const urls = [whole, ...aligned].flatMap((text) => [
    text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
    encodeURIComponent(text),
    encodeURIComponent(text).toLowerCase(),
  ])
  return [bytes, ...[...new Set([...texts, ...urls])].map((text) => Buffer.from(text))]
}
