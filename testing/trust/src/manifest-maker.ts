/** A manufacturer: writes manifests and signs them with openssl. */

import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEY_KINDS, openssl } from './est-client.ts'

export interface ManifestLine {
  readonly serial: string
  readonly model: string
  readonly hardwareRevision?: string
  readonly publicKey?: string
  readonly certificate?: string
  readonly endorsementKey?: string
  readonly keyStorage?: string
  readonly claimCodeSha256?: string
}

export interface SignedManifest {
  readonly file: string
  readonly signature: string
}

export class ManifestMaker {
  readonly name: string
  /** Path of the PEM that the operator is given. */
  readonly publicKey: string
  readonly #folder: string
  readonly #key: string
  readonly #kind: keyof typeof KEY_KINDS
  #count = 0

  constructor(folder: string, name: string, kind: keyof typeof KEY_KINDS = 'P-256') {
    this.name = name
    this.#folder = join(folder, name)
    this.#kind = kind
    mkdirSync(this.#folder, { recursive: true })
    this.#key = join(this.#folder, 'key.pem')
    this.publicKey = join(this.#folder, 'public.pem')
    openssl(['genpkey', ...KEY_KINDS[kind], '-out', this.#key])
    openssl(['pkey', '-in', this.#key, '-pubout', '-out', this.publicKey])
  }

  /** @param entries as lines, or texts that are put there as they are. */
  sign(entries: readonly (ManifestLine | string)[], head: Readonly<Record<string, unknown>> = {}): SignedManifest {
    const lines = entries.map((entry) =>
      typeof entry === 'string' ? entry : JSON.stringify({ hardwareRevision: 'A', ...entry }),
    )
    this.#count += 1
    const first = { manifest: `batch-${this.#count}`, manufacturer: this.name, entries: entries.length, ...head }
    const file = join(this.#folder, `${this.#count}.jsonl`)
    writeFileSync(file, `${[JSON.stringify(first), ...lines].join('\n')}\n`)
    return { file, signature: this.signFile(file) }
  }

  /** As `docs/device-life.md` tells manufacturers to. @returns path of the signature. */
  signFile(file: string, signature = `${file}.sig`): string {
    if (this.#kind === 'ed25519') {
      const digest = `${file}.sha256`
      openssl(['dgst', '-sha256', '-binary', '-out', digest, file])
      openssl(['pkeyutl', '-sign', '-rawin', '-inkey', this.#key, '-in', digest, '-out', signature])
    } else {
      openssl(['dgst', '-sha256', '-sign', this.#key, '-out', signature, file])
    }
    return signature
  }
}

/** The public key of a PEM private key, as openssl writes it: base64 of its DER. */
export function publicKeyOf(key: string): string {
  return execFileSync('openssl', ['pkey', '-in', key, '-pubout', '-outform', 'DER']).toString('base64')
}

/** The digest of a claim code as a manufacturer makes it. */
export function claimCodeSha256(code: string): string {
  return createHash('sha256').update(code.replaceAll('-', '')).digest('hex')
}

/** SHA-256 of the key in a PEM file, as the hub shows it. */
export function fingerprintOf(file: string): string {
  const spki = createPublicKey(readFileSync(file)).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex').toUpperCase()
}
