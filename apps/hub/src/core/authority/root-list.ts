/**
 * What a root says of the issuing authorities below it that count no longer (RFC 5280 §5): issued whenever the root's
 * key is at hand, since that is rare, and good until it is needed again at the latest.
 */

import type { KeyObject } from 'node:crypto'
import { type Clock, timestampOf } from '@holdfast/base'
import { type KeyFolder, replaceFile } from '@holdfast/keys'
import { CRL_BYTES_MAX, ISSUING_AUTHORITY, issueCrl } from '@holdfast/pki'
import { signerOf } from '../certificate-file.ts'
import type { Generation, RevokedIssuer } from './authority-state.ts'

export class RootLists {
  readonly #folder: KeyFolder
  readonly #clock: Clock

  constructor(folder: KeyFolder, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  /** DER; undefined where the root's key was never at hand since lists are issued. */
  async read({ number }: Generation): Promise<Uint8Array | undefined> {
    return (await this.#folder.read(nameOf(number), CRL_BYTES_MAX))?.bytes
  }

  async issue({ number, root }: Generation, key: KeyObject, revoked: readonly RevokedIssuer[]): Promise<void> {
    const now = this.#clock.wall()
    const der = await issueCrl({
      issuer: root,
      signer: signerOf(key),
      // Seconds count up over restarts and over files that were lost; two lists in one are of one act.
      number: BigInt(Math.floor(now / 1_000)),
      thisUpdate: now,
      // As long as the authorities below it may last: the root's key is needed by then.
      nextUpdate: timestampOf(Math.min(root.notAfter, now + ISSUING_AUTHORITY.lifetimeMs)),
      entries: revoked.map(({ serialNumber, at }) => ({ serialNumber, revokedAt: at, reason: 'cACompromise' })),
    })
    await replaceFile(this.#folder, nameOf(number), der)
  }
}

function nameOf(number: number): string {
  return number === 1 ? 'root.crl' : `root-${number}.crl`
}
