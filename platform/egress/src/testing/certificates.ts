/** Certificates for the far end of a test, made by openssl, none of ours. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificates {
  readonly folder: string
  /** PEM of the authority that issued the others. */
  readonly authority: string
  /** For `localhost`, `logs.example` and 127.0.0.1. */
  readonly server: KeyPair
  readonly client: KeyPair
  end(): void
}

export interface KeyPair {
  /** Paths of PEM files. */
  readonly certificateFile: string
  readonly keyFile: string
  readonly certificate: string
  readonly key: string
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-egress-'))
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe', timeout: 20_000 })
  }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=far end', '-days', '2')
  const issue = (name: string, extensions: string): KeyPair => {
    writeFileSync(join(folder, `${name}.ext`), extensions)
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`)
    const [certificateFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
    return {
      certificateFile,
      keyFile,
      certificate: readFileSync(certificateFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
    }
  }
  return {
    folder,
    authority: readFileSync(join(folder, 'ca.pem'), 'utf8'),
    server: issue('server', 'subjectAltName=DNS:localhost,DNS:logs.example,IP:127.0.0.1\n'),
    client: issue('client', 'extendedKeyUsage=clientAuth\n'),
    end: () => rmSync(folder, { recursive: true, force: true }),
  }
}
