/** The folder of the hub's own authority: its state, what devices are given to trust, and what older releases left. */

import { type KeyFolder, type KeyRing, replaceFile } from '@holdfast/keys'
import { type Certificate, encodePem } from '@holdfast/pki'
import {
  type CertificateWithKey,
  HubCertificateError,
  readCertificate,
  readCertificateWithKey,
} from '../certificate-file.ts'
import { type AuthorityState, formatState, parseState, STATE_BYTES_MAX, trusted } from './authority-state.ts'
import { issuerFileName } from './issuer-file.ts'

const STATE = 'authority.json'
/** What devices are to trust: one root, or two while they roll over. */
export const TRUST_PEM = 'root.pem'
const PEM_BYTES_MAX = 65_536
/** Where the first release kept the root's key. */
const FIRST_ROOT_KEY = 'root-key.json'
const FIRST_KEY_BYTES_MAX = 65_536
/** What stands there now. */
const MOVED = Buffer.from('{ "format": "holdfast-moved", "to": "root-bundle.json" }\n')

export class AuthorityFiles {
  readonly folder: KeyFolder
  readonly #ring: KeyRing

  constructor(folder: KeyFolder, ring: KeyRing) {
    this.folder = folder
    this.#ring = ring
  }

  pathOf(name: string): string {
    return `${this.folder.path}/${name}`
  }

  /**
   * What the state file says, or what the first release left; undefined where there is no authority yet.
   * @throws HubCertificateError when there is one and its state is damaged or lost.
   */
  async readState(): Promise<AuthorityState | undefined> {
    const file = await this.folder.read(STATE, STATE_BYTES_MAX)
    if (file !== undefined) return parseState(Buffer.from(file.bytes).toString('utf8'), this.pathOf(STATE))
    const root = await this.#firstRoot()
    if (root !== undefined) {
      const issuers = [{ number: 1, generation: 1 }]
      return { current: 1, generations: [{ number: 1, root }], issuers, revoked: [], next: 2 }
    }
    // The state is written before the first issuing authority: without it there was one, and devices rest on it.
    if ((await this.folder.read(issuerFileName(1), PEM_BYTES_MAX)) !== undefined) {
      throw new HubCertificateError(this.pathOf(STATE), 'it is not there')
    }
    return undefined
  }

  async writeState(state: AuthorityState): Promise<void> {
    await replaceFile(this.folder, STATE, formatState(state))
    await this.publishTrust(state)
  }

  /** What the first release left becomes a state of ours; whatever else there is follows from it. */
  async writeStateIfNew(state: AuthorityState): Promise<void> {
    if ((await this.folder.read(STATE, STATE_BYTES_MAX)) === undefined) await this.writeState(state)
    else await this.publishTrust(state)
  }

  /** Follows from the state: where a crash or a hand left something else, it is written anew. */
  async publishTrust(state: AuthorityState): Promise<void> {
    const text = Buffer.from(
      trusted(state)
        .map(({ root }) => encodePem('CERTIFICATE', root.der))
        .join(''),
    )
    const file = await this.folder.read(TRUST_PEM, PEM_BYTES_MAX).catch(() => undefined)
    if (file !== undefined && text.equals(file.bytes)) return
    await replaceFile(this.folder, TRUST_PEM, text)
  }

  /** The first root's key as the first release kept it, where it still is there, or was put back. */
  async firstRootKey(): Promise<CertificateWithKey | undefined> {
    const file = await this.folder.read(FIRST_ROOT_KEY, FIRST_KEY_BYTES_MAX)
    if (file === undefined || MOVED.equals(file.bytes)) return undefined
    return readCertificateWithKey({ folder: this.folder, name: FIRST_ROOT_KEY }, this.#ring)
  }

  firstRootKeyPath(): string {
    return this.pathOf(FIRST_ROOT_KEY)
  }

  /** Once its key is in a bundle, or nothing rests on it. */
  async forgetFirstRootKey(): Promise<void> {
    if ((await this.folder.read(FIRST_ROOT_KEY, FIRST_KEY_BYTES_MAX)) === undefined) return
    await replaceFile(this.folder, FIRST_ROOT_KEY, MOVED, true)
  }

  async #firstRoot(): Promise<Certificate | undefined> {
    const file = await this.folder.read(TRUST_PEM, PEM_BYTES_MAX)
    return file && readCertificate(Buffer.from(file.bytes).toString('utf8'), this.pathOf(TRUST_PEM))
  }
}
