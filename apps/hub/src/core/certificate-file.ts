/** A certificate of the hub's with its private key, in one file: PKCS #8 sealed under the key ring's `authority` key. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type KeyFolder, type KeyRing, openBytes, type Random, replaceFile, sealBytes } from '@holdfast/keys'
import { type Certificate, decodePem, encodePem, parseCertificate, type Signer } from '@holdfast/pki'

const FORMAT = 'holdfast-certificate'
const FILE_BYTES_MAX = 65_536

export class HubCertificateError extends Error {
  readonly code = 'damaged-or-missing'

  constructor(file: string, what: string) {
    super(`${file}: ${what}. Put the file back from a backup.`)
    this.name = 'HubCertificateError'
  }
}

export interface CertificateWithKey {
  readonly certificate: Certificate
  readonly key: KeyObject
}

interface Place {
  readonly folder: KeyFolder
  readonly name: string
}

export function newPrivateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** One file, replaced in one step: a key is never on disk without its certificate, nor the other way round. */
export async function writeCertificateWithKey(
  place: Place,
  { certificate, key }: CertificateWithKey,
  vault: { readonly ring: KeyRing; readonly random: Random },
): Promise<void> {
  const { epoch, bytes } = vault.ring.current('authority')
  const plain = key.export({ format: 'der', type: 'pkcs8' })
  const sealed = Buffer.from(sealBytes(bytes, plain, sealedContextOf(place.name), vault.random)).toString('base64')
  plain.fill(0)
  const document = { format: FORMAT, certificate: encodePem('CERTIFICATE', certificate.der), epoch, sealed }
  await replaceFile(place.folder, place.name, Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`), false)
}

/**
 * Undefined where there is no such file.
 * @throws HubCertificateError when the file is not what was written; KeyError when its key is gone.
 */
export async function readCertificateWithKey(place: Place, ring: KeyRing): Promise<CertificateWithKey | undefined> {
  const file = await place.folder.read(place.name, FILE_BYTES_MAX)
  if (file === undefined) return undefined
  const path = `${place.folder.path}/${place.name}`
  const document = parse(file.bytes)
  if (document === undefined) throw new HubCertificateError(path, 'this is no certificate with a sealed key')
  const certificate = readCertificate(document.certificate, path)
  const plain = openBytes(
    ring.key(document.epoch).bytes,
    Buffer.from(document.sealed, 'base64'),
    sealedContextOf(place.name),
  )
  if (plain === undefined) throw new HubCertificateError(path, 'the private key does not unseal: the file is damaged')
  const key = createPrivateKey({ key: Buffer.from(plain), format: 'der', type: 'pkcs8' })
  plain.fill(0)
  if (!Buffer.from(certificate.spki).equals(spkiOf(key))) {
    throw new HubCertificateError(path, 'the certificate does not belong to the key')
  }
  return { certificate, key }
}

/** @throws HubCertificateError naming `path` when the text is not one certificate. */
export function readCertificate(pem: string, path: string): Certificate {
  try {
    const [der, ...others] = decodePem('CERTIFICATE', pem)
    if (der !== undefined && others.length === 0) return parseCertificate(der)
  } catch {
    // Said below.
  }
  throw new HubCertificateError(path, 'this is no certificate')
}

export function signerOf(key: KeyObject): Signer {
  return {
    publicKey: spkiOf(key),
    algorithm: 'ecdsa-sha256',
    sign: (bytes) => Promise.resolve(new Uint8Array(sign('sha256', bytes, { key, dsaEncoding: 'der' }))),
  }
}

/** DER of the public half. */
export function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' })
}

interface CertificateDocument {
  readonly certificate: string
  readonly epoch: number
  readonly sealed: string
}

function parse(bytes: Uint8Array): CertificateDocument | undefined {
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof document !== 'object' || document === null || !('format' in document)) return undefined
    if (document.format !== FORMAT || !('certificate' in document && 'epoch' in document && 'sealed' in document))
      return undefined
    const { certificate, epoch, sealed } = document
    if (typeof certificate !== 'string' || typeof epoch !== 'number' || typeof sealed !== 'string') return undefined
    return { certificate, epoch, sealed }
  } catch {
    return undefined
  }
}

/** Binds the sealed bytes to their file, so that one key cannot be put in another's place. */
export function sealedContextOf(name: string): string {
  return `holdfast private key ${name}`
}
