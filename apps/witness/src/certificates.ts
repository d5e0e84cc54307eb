/** The witness's own TLS: a root made at the first start, and below it a certificate for its name that renews itself. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Timestamp } from '@holdfast/base'
import { type KeyFolder, replaceFile } from '@holdfast/keys'
import {
  type Certificate,
  type CertificateProfile,
  ROOT_AUTHORITY,
  SERVER_CERTIFICATE,
  type Signer,
  decodePem,
  encodePem,
  issueCertificate,
  parseCertificate,
  renewalTimeOf,
  validityOf,
} from '@holdfast/pki'
import { KEY_FILE_BYTES_MAX } from './limits.ts'

export interface ServerCertificate {
  /** PEM, with its root. */
  readonly chain: string
  /** PEM. */
  readonly key: string
  readonly certificate: Certificate
}

const CA = 'ca.pem'
const CA_KEY = 'ca-key.pem'

/** The root belongs to this witness alone, and issues nothing else. */
const ROOT: CertificateProfile = { ...ROOT_AUTHORITY, name: 'root of a witness', authority: { pathLength: 0 } }

export class WitnessAuthority {
  readonly #folder: KeyFolder
  readonly #root: Certificate
  readonly #signer: Signer

  private constructor(folder: KeyFolder, root: Certificate, signer: Signer) {
    this.#folder = folder
    this.#root = root
    this.#signer = signer
  }

  /** @throws Error if what is there is damaged: logs trust this root and no other. */
  static async open(
    folder: KeyFolder,
    { hostname, now }: { hostname: string; now: Timestamp },
  ): Promise<WitnessAuthority> {
    const certificate = await folder.read(CA, KEY_FILE_BYTES_MAX)
    const key = await folder.read(CA_KEY, KEY_FILE_BYTES_MAX)
    if (certificate !== undefined && key !== undefined) {
      try {
        const root = parseCertificate(firstOf(Buffer.from(certificate.bytes).toString('utf8')))
        return new WitnessAuthority(folder, root, signerOf(Buffer.from(key.bytes).toString('utf8')))
      } catch (cause) {
        throw new Error(`${folder.path}/${CA} or ${CA_KEY} is damaged; bring them back from a backup`, { cause })
      }
    }
    if (certificate !== undefined) throw new Error(`${folder.path}/${CA_KEY} is missing; bring it back from a backup`)
    const { pem, signer } = newKey()
    const root = await issueCertificate({
      profile: ROOT,
      subject: { commonName: `Witness ${hostname}`.slice(0, 64) },
      spki: signer.publicKey,
      issuer: undefined,
      signer,
      serialNumber: randomBytes(16),
      validity: validityOf(ROOT, now, undefined),
    })
    // The key first: a root without its key would stand in the way of the next start.
    await replaceFile(folder, CA_KEY, Buffer.from(pem))
    await replaceFile(folder, CA, Buffer.from(encodePem('CERTIFICATE', root)))
    return new WitnessAuthority(folder, parseCertificate(root), signer)
  }

  /** What logs and verifiers are to trust. */
  get caFile(): string {
    return join(this.#folder.path, CA)
  }

  /** A new one for each start and renewal: its key is in memory alone. */
  async issue({ hostname, now }: { hostname: string; now: Timestamp }): Promise<ServerCertificate> {
    const { pem, signer } = newKey()
    const names = [...new Set([hostname, 'localhost'])]
    const der = await issueCertificate({
      profile: SERVER_CERTIFICATE,
      subject: { commonName: hostname.slice(0, 64) },
      spki: signer.publicKey,
      issuer: this.#root,
      signer: this.#signer,
      serialNumber: randomBytes(16),
      validity: validityOf(SERVER_CERTIFICATE, now, this.#root),
      alternativeNames: [...names, '127.0.0.1', '::1'].map((name) =>
        isIP(name) === 0 ? { kind: 'dns', name } : { kind: 'ip', address: name },
      ),
    })
    const chain = `${encodePem('CERTIFICATE', der)}${encodePem('CERTIFICATE', this.#root.der)}`
    return { chain, key: pem, certificate: parseCertificate(der) }
  }
}

export function isRenewalDue(certificate: Certificate, now: Timestamp): boolean {
  return now >= renewalTimeOf(certificate)
}

function firstOf(pem: string): Uint8Array<ArrayBuffer> {
  const [first] = decodePem('CERTIFICATE', pem)
  if (first === undefined) throw new Error('there is no certificate in it')
  return first
}

function newKey(): { pem: string; signer: Signer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { pem, signer: signerOf(pem) }
}

function signerOf(pem: string): Signer {
  const secret = createPrivateKey(pem)
  return {
    publicKey: new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' })),
    algorithm: 'ecdsa-sha256',
    sign: (bytes) => Promise.resolve(new Uint8Array(sign('sha256', bytes, secret))),
  }
}
