/**
 * The root of the hub's own authority as a file that may be carried away: the certificate, and the private key sealed by
 * a passphrase (opens anywhere), sealed to the machine (opens with this hub's key ring), or kept elsewhere.
 */

import { createPrivateKey, type KeyObject } from 'node:crypto'
import {
  type KeyRing,
  openBytes,
  openWithPassphrase,
  parsePassphraseBox,
  type PassphraseBox,
  type Random,
  sealBytes,
  sealWithPassphrase,
} from '@holdfast/keys'
import { type Certificate, encodePem } from '@holdfast/pki'
import { HubCertificateError, readCertificate, spkiOf } from '../certificate-file.ts'

const FORMAT = 'holdfast-root'
const VERSION = 1
/** Bytes of a bundle: a certificate and a sealed key have some 2,000. */
export const ROOT_BUNDLE_BYTES_MAX = 65_536

export type RootKey =
  | { readonly kind: 'machine'; readonly epoch: number; readonly sealed: string }
  | ({ readonly kind: 'passphrase' } & PassphraseBox)
  /** It was taken out of the file; whoever did has it. */
  | { readonly kind: 'away' }

export interface RootBundle {
  readonly certificate: Certificate
  readonly key: RootKey
}

/** The key lies sealed under the ring's `authority` key: whoever has all of the data folder has it. */
export function sealToMachine(
  certificate: Certificate,
  key: KeyObject,
  vault: { readonly ring: KeyRing; readonly random: Random },
): RootBundle {
  const { epoch, bytes } = vault.ring.current('authority')
  const plain = key.export({ format: 'der', type: 'pkcs8' })
  try {
    const sealed = Buffer.from(sealBytes(bytes, plain, contextOf(certificate), vault.random)).toString('base64')
    return { certificate, key: { kind: 'machine', epoch, sealed } }
  } finally {
    plain.fill(0)
  }
}

/** @throws TypeError for a passphrase that is too short or too long. */
export async function sealByPassphrase(
  certificate: Certificate,
  key: KeyObject,
  passphrase: Uint8Array,
  random: Random,
): Promise<RootBundle> {
  const plain = key.export({ format: 'der', type: 'pkcs8' })
  try {
    const box = await sealWithPassphrase(plain, passphrase, contextOf(certificate), random)
    return { certificate, key: { kind: 'passphrase', ...box } }
  } finally {
    plain.fill(0)
  }
}

/**
 * The private key, which is that of the certificate; undefined where it is not to be had with what was given.
 * @throws KeyError when the ring's key is gone.
 */
export async function openRootKey(
  { certificate, key }: RootBundle,
  by: { readonly ring?: KeyRing; readonly passphrase?: Uint8Array | undefined },
): Promise<KeyObject | undefined> {
  const plain = await plainKey(certificate, key, by)
  if (plain === undefined) return undefined
  try {
    const opened = createPrivateKey({ key: Buffer.from(plain.buffer), format: 'der', type: 'pkcs8' })
    return Buffer.from(certificate.spki).equals(spkiOf(opened)) ? opened : undefined
  } catch {
    // Sealed by somebody who knew the passphrase, and no key all the same.
    return undefined
  } finally {
    plain.fill(0)
  }
}

async function plainKey(
  certificate: Certificate,
  key: RootKey,
  { ring, passphrase }: { readonly ring?: KeyRing; readonly passphrase?: Uint8Array | undefined },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const context = contextOf(certificate)
  if (key.kind === 'machine' && ring !== undefined) {
    return openBytes(ring.key(key.epoch).bytes, Buffer.from(key.sealed, 'base64'), context)
  }
  if (key.kind === 'passphrase' && passphrase !== undefined) return openWithPassphrase(key, passphrase, context)
  return undefined
}

export function formatRootBundle({ certificate, key }: RootBundle): Buffer {
  const document = { format: FORMAT, version: VERSION, certificate: encodePem('CERTIFICATE', certificate.der), key }
  return Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`)
}

/** @throws HubCertificateError naming `path`, when the text is not a bundle, member by member. */
export function parseRootBundle(text: string, path: string): RootBundle {
  const document = objectOf(text)
  if (document === undefined || document.format !== FORMAT)
    throw new HubCertificateError(path, 'this is no root bundle')
  if (document.version !== VERSION) {
    throw new HubCertificateError(path, 'this root bundle was written by a newer version of Holdfast')
  }
  const key = keyOf(document.key)
  if (typeof document.certificate !== 'string' || key === undefined || Object.keys(document).length !== 4) {
    throw new HubCertificateError(path, 'this is no root bundle: it is damaged')
  }
  return { certificate: readCertificate(document.certificate, path), key }
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function keyOf(value: unknown): RootKey | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined
  const { kind, ...members } = value
  if (kind === 'away') return Object.keys(members).length === 0 ? { kind } : undefined
  if (kind === 'passphrase') {
    const box = parsePassphraseBox(members)
    return box && { kind, ...box }
  }
  if (kind !== 'machine' || !('epoch' in members && 'sealed' in members)) return undefined
  const { epoch, sealed } = members
  const isWell = typeof epoch === 'number' && Number.isSafeInteger(epoch) && typeof sealed === 'string'
  return isWell ? { kind, epoch, sealed } : undefined
}

/** Binds the sealed key to the root that it is of. */
function contextOf(certificate: Certificate): string {
  return `holdfast root key ${certificate.sha256Thumbprint}`
}
