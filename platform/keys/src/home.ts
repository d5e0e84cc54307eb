/**
 * Homes of key-encryption keys. A home keeps its keys somewhere (a file, a file that a passphrase or a TPM opens, a
 * token) and can replace them; which of them wraps the ring, `ring.json` says by the home's id.
 */

import type { Timestamp } from '@holdfast/base'
import type { KeyProvider } from './provider.ts'

export const KEY_HOME_KINDS = ['file', 'passphrase', 'tpm', 'pkcs11'] as const
export type KeyHomeKindName = (typeof KEY_HOME_KINDS)[number]

/** What has to be known to find a home again; nothing of it is secret. */
export interface HomeDescription {
  readonly kind: KeyHomeKindName
  /** `<kind>:<16 hex digits>`, random, chosen before anything is made there. */
  readonly id: string
  /** Of the kind: paths, labels, numbers. At most 16, each at most 1,024 characters. */
  readonly settings: HomeSettings
}

export type HomeSettings = Readonly<Record<string, string>>

/** A home as somebody wants it: it has an id once it is made. */
export type HomeWish = Pick<HomeDescription, 'kind' | 'settings'>

export interface KeyHome extends KeyProvider {
  readonly kind: KeyHomeKindName
  /** When the key that wraps now was made. */
  readonly createdTime: Timestamp
  /** True between the halves of a rotation, also after a crash there: the old key is still there. */
  readonly isRotating: boolean
  /** First half: a new key wraps from now on, the old one still unwraps. Nothing where that was done already. */
  beginRotation(): Promise<void>
  /** Second half: the old key is destroyed. Only after nothing is wrapped by it any more. */
  endRotation(): Promise<void>
  /** Overwrites what is in memory, lets go of devices and processes. */
  close(): Promise<void>
}

export interface HomeOpening {
  /** False: what is not there is a loss. */
  readonly mayCreate: boolean
  /** Passphrase or PIN, where whoever asks has it; else the kind asks where it was told to. The caller zeroes it. */
  readonly secret?: Uint8Array | undefined
}

/** One kind of home. */
export interface KeyHomeKind {
  /**
   * Opens the home, or makes it where there is none and `mayCreate` allows.
   * Implementers MUST throw a KeyError: `missing`, `damaged`, `refused` (a wrong secret), `unavailable`.
   */
  open(description: HomeDescription, opening: HomeOpening): Promise<KeyHome>
  /**
   * Destroys whatever the home keeps, which may be nothing; nothing is wrapped by it.
   * @throws KeyError `unavailable` where it cannot be reached: to be tried again.
   */
  destroy(description: HomeDescription): Promise<void>
  /** Whether a home is what somebody wishes, so that nothing has to move. */
  matches(description: HomeDescription, wish: HomeWish): boolean
}

/** The kinds that this program can open. */
export type KeyHomeKinds = Readonly<Partial<Record<KeyHomeKindName, KeyHomeKind>>>

/** Name of the file in which a home other than the machine file keeps what it has. */
export function homeFileOf(id: string): string {
  return `kek-${id.slice(id.indexOf(':') + 1)}.json`
}
