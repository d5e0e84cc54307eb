/** Certificates as customers make them, by the `openssl` command, at test time. */

import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certified {
  readonly commonName: string
  /** PEM of the certificate alone. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
  readonly sha1: string
  readonly sha256: string
  /** Path of the certificate, for commands that read a file. */
  readonly file: string
}

export interface CertificateWish {
  readonly commonName: string
  /** Signs itself when absent. */
  readonly issuer?: Certified
  readonly isAuthority?: boolean
  readonly algorithm?: 'ec' | 'rsa'
  /** Encrypts the key. */
  readonly passphrase?: string
}

const DAYS = '2'

/** A place that is gone with the process, and what is made in it. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-certificates-'))
  #count = 0

  constructor() {
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }))
  }

  make(wish: CertificateWish): Certified {
    const { commonName, issuer, isAuthority = false, algorithm = 'ec', passphrase } = wish
    this.#count += 1
    const at = (suffix: string): string => join(this.#folder, `${this.#count}-${suffix}`)
    const newKey = algorithm === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048']
    const secret = passphrase === undefined ? ['-nodes'] : ['-passout', `pass:${passphrase}`]
    const extensions = isAuthority
      ? ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
      : ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth']
    const signedBy = issuer === undefined ? [] : ['-CA', issuer.file, '-CAkey', this.write('issuer-key', issuer.key)]
    const files = ['-keyout', at('key.pem'), '-out', at('certificate.pem')]
    const added = extensions.flatMap((extension) => ['-addext', extension])
    const subject = ['-days', DAYS, '-subj', `/CN=${commonName}`]
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', ...newKey, ...secret, ...files, ...subject, ...signedBy, ...added],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const certificate = readFileSync(at('certificate.pem'), 'utf8')
    const { fingerprint, fingerprint256 } = new X509Certificate(certificate)
    return {
      commonName,
      certificate,
      key: readFileSync(at('key.pem'), 'utf8'),
      sha1: fingerprint.replaceAll(':', ''),
      sha256: fingerprint256.replaceAll(':', ''),
      file: at('certificate.pem'),
    }
  }

  /** A file that holds `text`. */
  write(name: string, text: string): string {
    this.#count += 1
    const file = join(this.#folder, `${this.#count}-${name}`)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
}
