/** An issuing authority in its file: the certificate, and where its key is. */

import { KeyError, type KeyFolder, replaceFile } from '@holdfast/keys'
import { type AuthorityKeys, type Certificate, encodePem, type Signer } from '@holdfast/pki'
import { HubCertificateError, readCertificate } from '../certificate-file.ts'

const FORMAT = 'holdfast-issuing-authority'
/** As the first release wrote it: the key sealed under the ring. */
const FIRST_FORMAT = 'holdfast-certificate'
/** In the place of one that is retired: no name leads to its key any more. */
const RETIRED_FORMAT = 'holdfast-retired-authority'
const FILE_BYTES_MAX = 65_536

export interface Issuer {
  /** Counts up over all issuing authorities of the hub. */
  readonly number: number
  /** That of its root. */
  readonly generation: number
  readonly certificate: Certificate
  readonly signer: Signer
  /** Id of the home of its key. */
  readonly home: string
  readonly handle: string
}

export interface IssuerFiles {
  readonly folder: KeyFolder
  /** Homes of keys; a new key is made in the first. */
  readonly homes: readonly [AuthorityKeys, ...AuthorityKeys[]]
}

/** Also the label of its key: the first release bound sealed keys to the name of their file. */
export function issuerFileName(number: number): string {
  return number === 1 ? 'issuing.json' : `issuing-${number}.json`
}

/** One file, replaced in one step: a key is never on disk without its certificate, nor the other way round. */
export async function writeIssuer(
  { folder }: IssuerFiles,
  { number, certificate, home, handle }: Issuer,
): Promise<void> {
  const document = { format: FORMAT, version: 1, certificate: encodePem('CERTIFICATE', certificate.der), home, handle }
  await replaceFile(folder, issuerFileName(number), Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`))
}

/**
 * Undefined where there is no such file.
 * @throws HubCertificateError when the file is not what was written; what the home of its key rejects with, unless it is
 * away or not set up: then whoever asks for a signature hears of it.
 */
export async function readIssuer(
  { folder, homes }: IssuerFiles,
  which: { readonly number: number; readonly generation: number },
): Promise<Issuer | undefined> {
  const name = issuerFileName(which.number)
  const path = `${folder.path}/${name}`
  const file = await folder.read(name, FILE_BYTES_MAX)
  if (file === undefined) return undefined
  const { certificate: pem, home, handle } = parse(Buffer.from(file.bytes).toString('utf8'), path)
  const certificate = readCertificate(pem, path)
  const keys = homes.find(({ id }) => id === home)
  const open = async (): Promise<Signer> => {
    if (keys !== undefined) return keys.open(handle, name)
    throw new KeyError('unavailable', `the key of ${path} is kept in ${home}, which the hub is not set to use`)
  }
  let signer: Signer
  try {
    signer = await open()
  } catch (error) {
    if (error instanceof TypeError) throw new HubCertificateError(path, error.message)
    if (!(error instanceof KeyError) || error.code !== 'unavailable') throw error
    signer = awaySigner(certificate, open)
  }
  if (!Buffer.from(certificate.spki).equals(signer.publicKey)) {
    throw new HubCertificateError(path, 'the certificate does not belong to the key')
  }
  return { ...which, certificate, signer, home, handle }
}

/**
 * A token that is away keeps no hub from starting, nor its devices from sending: nothing is issued until it is back, and
 * each signature asks for it anew.
 */
function awaySigner(certificate: Certificate, open: () => Promise<Signer>): Signer {
  return {
    publicKey: certificate.spki,
    // Every home of authorities' keys makes keys of P-256.
    algorithm: 'ecdsa-sha256',
    sign: async (bytes) => (await open()).sign(bytes),
  }
}

/** Destroys the key wherever it is, and leaves a file that says so. Safe to be called again after a crash. */
export async function retireIssuer({ folder, homes }: IssuerFiles, issuer: Issuer): Promise<void> {
  const name = issuerFileName(issuer.number)
  await homes.find(({ id }) => id === issuer.home)?.destroy(issuer.handle, name)
  await replaceFile(folder, name, formatRetired(encodePem('CERTIFICATE', issuer.certificate.der)), true)
}

/** The same for a file that the state knows nothing of; does nothing where there is none, or one without a key. */
export async function retireLeftover({ folder, homes }: IssuerFiles, number: number): Promise<void> {
  const name = issuerFileName(number)
  const file = await folder.read(name, FILE_BYTES_MAX)
  const text = file && Buffer.from(file.bytes).toString('utf8')
  if (text === undefined || text.includes(RETIRED_FORMAT)) return
  const { certificate, home, handle } = parse(text, `${folder.path}/${name}`)
  await homes.find(({ id }) => id === home)?.destroy(handle, name)
  await replaceFile(folder, name, formatRetired(certificate), true)
}

function formatRetired(certificate: string): Buffer {
  return Buffer.from(`${JSON.stringify({ format: RETIRED_FORMAT, certificate }, undefined, 2)}\n`)
}

interface IssuerDocument {
  readonly certificate: string
  readonly home: string
  readonly handle: string
}

function parse(text: string, path: string): IssuerDocument {
  const fault = (): HubCertificateError => new HubCertificateError(path, 'this is no issuing authority: it is damaged')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw fault()
  }
  if (typeof value !== 'object' || value === null || !('format' in value && 'certificate' in value)) throw fault()
  const { format, certificate } = value
  if (typeof certificate !== 'string') throw fault()
  if (format === FIRST_FORMAT && 'epoch' in value && 'sealed' in value) {
    const { epoch, sealed } = value
    if (typeof epoch !== 'number' || typeof sealed !== 'string') throw fault()
    return { certificate, home: 'ring', handle: `${epoch}.${sealed}` }
  }
  if (format !== FORMAT || !('home' in value && 'handle' in value)) throw fault()
  const { home, handle } = value
  if (typeof home !== 'string' || typeof handle !== 'string') throw fault()
  return { certificate, home, handle }
}
