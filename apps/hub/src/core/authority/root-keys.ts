/**
 * The roots' private keys, which the hub does not need to work: where each is, and its use for one act, after which
 * nothing of it stays in memory that we can reach.
 */

import type { KeyObject } from 'node:crypto'
import { type KeyFolder, type KeyRing, type Random, replaceFile } from '@holdfast/keys'
import type { Certificate } from '@holdfast/pki'
import { HubCertificateError } from '../certificate-file.ts'
import type { Generation } from './authority-state.ts'
import {
  formatRootBundle,
  openRootKey,
  parseRootBundle,
  ROOT_BUNDLE_BYTES_MAX,
  type RootBundle,
  sealByPassphrase,
  sealToMachine,
} from './root-bundle.ts'

export interface RootKeysParts {
  readonly folder: KeyFolder
  readonly ring: KeyRing
  readonly random: Random
  /** What seals a new root, and opens one that it sealed; undefined: the root is sealed to the machine. */
  readonly passphrase?: (() => Promise<Uint8Array>) | undefined
}

/** `machine`: in the data folder, sealed under the key ring. `passphrase`: there too, sealed. `away`: not there. */
export type RootPlace = 'machine' | 'passphrase' | 'away'

export function rootFileName(number: number): string {
  return number === 1 ? 'root-bundle.json' : `root-bundle-${number}.json`
}

export class RootKeys {
  readonly #parts: RootKeysParts

  constructor(parts: RootKeysParts) {
    this.#parts = parts
  }

  pathOf(number: number): string {
    return `${this.#parts.folder.path}/${rootFileName(number)}`
  }

  /**
   * @throws HubCertificateError when there is a file that is no bundle of this root, or a key sealed to the machine does
   * not unseal: what is damaged is told while there may still be a copy elsewhere.
   */
  async place(generation: Generation): Promise<RootPlace> {
    const bundle = await this.read(generation)
    if (bundle === undefined) return 'away'
    if (bundle.key.kind === 'machine' && (await openRootKey(bundle, { ring: this.#parts.ring })) === undefined) {
      throw new HubCertificateError(this.pathOf(generation.number), 'the private key does not unseal: it is damaged')
    }
    return bundle.key.kind
  }

  /** @throws HubCertificateError. */
  async read({ number, root }: Generation): Promise<RootBundle | undefined> {
    const path = this.pathOf(number)
    const bundle = await this.#read(number)
    if (bundle !== undefined && bundle.certificate.sha256Thumbprint !== root.sha256Thumbprint) {
      throw new HubCertificateError(path, 'it belongs to another root than the one in use')
    }
    return bundle
  }

  /** The key, where the hub can have it by itself; undefined where a bundle or a passphrase has to be brought. */
  async open(generation: Generation): Promise<KeyObject | undefined> {
    const bundle = await this.read(generation)
    if (bundle === undefined) return undefined
    return this.#withPassphrase((passphrase) => openRootKey(bundle, { ring: this.#parts.ring, passphrase }))
  }

  /** Writes a new root's bundle, sealed by the configured passphrase or `given`, or to the machine. */
  async write(
    { number, root, key }: { readonly number: number; readonly root: Certificate; readonly key: KeyObject },
    given?: Uint8Array,
  ): Promise<void> {
    const { folder, random } = this.#parts
    const bundle = await this.#withPassphrase((configured) => {
      const passphrase = given ?? configured
      return passphrase === undefined
        ? Promise.resolve(sealToMachine(root, key, this.#parts))
        : sealByPassphrase(root, key, passphrase, random)
    })
    await replaceFile(folder, rootFileName(number), formatRootBundle(bundle))
  }

  /** Takes the key out of the data folder: the old content is overwritten, as far as a program can. */
  async remove(number: number, root: Certificate): Promise<void> {
    const bytes = formatRootBundle({ certificate: root, key: { kind: 'away' } })
    await replaceFile(this.#parts.folder, rootFileName(number), bytes, true)
  }

  /** The same for a bundle that the state knows nothing of. */
  async removeLeftover(number: number): Promise<void> {
    const bundle = await this.#read(number)
    if (bundle !== undefined && bundle.key.kind !== 'away') await this.remove(number, bundle.certificate)
  }

  async #read(number: number): Promise<RootBundle | undefined> {
    const file = await this.#parts.folder.read(rootFileName(number), ROOT_BUNDLE_BYTES_MAX)
    return file && parseRootBundle(Buffer.from(file.bytes).toString('utf8'), this.pathOf(number))
  }

  async #withPassphrase<T>(use: (passphrase: Uint8Array | undefined) => Promise<T>): Promise<T> {
    const passphrase = await this.#parts.passphrase?.()
    try {
      return await use(passphrase)
    } finally {
      passphrase?.fill(0)
    }
  }
}
