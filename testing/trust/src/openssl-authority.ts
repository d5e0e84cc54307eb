/** A customer's certificate authority that is none of ours: `openssl ca` with its database, in a folder of its own. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair } from './est-client.ts'

const PROCESS_MS_MAX = 20_000
const DAY_MS = 86_400_000

export interface LeafWish {
  readonly commonName: string
  /** Before the common name, e.g. `/O=Factory`. */
  readonly above?: string
  /** Lines of an openssl extension section; client authentication unless told. */
  readonly extensions?: readonly string[]
  /** Days from now. */
  readonly from?: number
  readonly until?: number
  /** PEM of a private key; a new one unless told. */
  readonly key?: string
}

const CONFIG = `
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = issued
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
default_days = 30
[any]
organizationName = optional
commonName = supplied
[crl]
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
`

export const CLIENT_AUTH: readonly string[] = ['basicConstraints=critical,CA:false', 'extendedKeyUsage=clientAuth']
export const SERVER_AUTH: readonly string[] = ['basicConstraints=critical,CA:false', 'extendedKeyUsage=serverAuth']
export const CA: readonly string[] = [
  'basicConstraints=critical,CA:true',
  'keyUsage=critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier=hash',
]

export class OpensslAuthority {
  readonly name: string
  /** PEM of its certificate. */
  readonly certificate: string
  readonly #folder: string
  readonly #parent: OpensslAuthority | undefined
  #count = 0

  /** @param parent undefined: it signs itself. @param extensions of its own certificate. */
  constructor(root: string, name: string, parent?: OpensslAuthority, extensions: readonly string[] = CA) {
    this.name = name
    this.#folder = join(root, name)
    this.#parent = parent
    mkdirSync(join(this.#folder, 'issued'), { recursive: true })
    this.#write('ca.cnf', CONFIG)
    this.#write('index.txt', '')
    this.#write('serial', '8001\n')
    this.#write('crlnumber', '01\n')
    this.#makeKey('ca.key')
    if (parent === undefined) {
      this.#write('ext.cnf', `${CONFIG}[x]\n${extensions.join('\n')}\n`)
      const given = ['-x509', '-key', 'ca.key', '-subj', `/CN=${name}`, '-days', '100']
      this.#openssl('req', ...given, '-config', 'ext.cnf', '-extensions', 'x', '-out', 'ca.pem')
    } else {
      const key = join(this.#folder, 'ca.key')
      this.#write('ca.pem', readFileSync(parent.issue({ commonName: name, extensions, key }).alone, 'utf8'))
    }
    this.certificate = readFileSync(this.certificateFile, 'utf8')
  }

  get certificateFile(): string {
    return join(this.#folder, 'ca.pem')
  }

  /** Certificates from this authority up to the root, without the root. */
  get chain(): string {
    return this.#parent === undefined ? '' : this.certificate + this.#parent.chain
  }

  /** The certificate with the chain above it, and by itself. */
  issue(wish: LeafWish): KeyPair & { readonly alone: string } {
    this.#count += 1
    const name = `leaf-${this.#count}`
    const key = wish.key ?? this.#makeKey(`${name}.key`)
    const section = `[x]\nauthorityKeyIdentifier=keyid\n${(wish.extensions ?? CLIENT_AUTH).join('\n')}\n`
    this.#write('ext.cnf', section)
    const subject = `${wish.above ?? ''}/CN=${wish.commonName.replaceAll('/', '\\/')}`
    this.#openssl('req', '-new', '-key', key, '-subj', subject, '-config', 'ca.cnf', '-out', `${name}.csr`)
    const times = ['-startdate', timeOf(wish.from ?? -1), '-enddate', timeOf(wish.until ?? 30)]
    const signing = ['-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-batch', '-notext', '-preserveDN']
    const what = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', 'ext.cnf', '-extensions', 'x']
    this.#openssl('ca', ...signing, ...times, ...what)
    const alone = join(this.#folder, `${name}.pem`)
    const certificate = this.#write(`${name}-chain.pem`, readFileSync(alone, 'utf8') + this.chain)
    return { key, certificate, alone }
  }

  /** A certificate signed by this authority whose common name is the nonce. */
  prove(nonce: string): string {
    return readFileSync(this.issue({ commonName: nonce }).alone, 'utf8')
  }

  /** @param certificate path of the certificate by itself. */
  revoke(certificate: string, reason = 'keyCompromise'): void {
    const signing = ['-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key']
    this.#openssl('ca', ...signing, '-revoke', certificate, '-crl_reason', reason)
  }

  /** A new list. @returns path, PEM. */
  list(seconds = 7 * 86_400): string {
    this.#count += 1
    const file = `list-${this.#count}.pem`
    const signing = ['-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-crlexts', 'crl']
    this.#openssl('ca', '-gencrl', ...signing, '-crlsec', String(seconds), '-out', file)
    return join(this.#folder, file)
  }

  #makeKey(name: string): string {
    this.#openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', name)
    return join(this.#folder, name)
  }

  #write(name: string, text: string): string {
    const file = join(this.#folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }

  #openssl(...parameters: readonly string[]): void {
    execFileSync('openssl', parameters, { cwd: this.#folder, timeout: PROCESS_MS_MAX, stdio: 'pipe' })
  }
}

/** `YYYYMMDDHHMMSSZ`. */
function timeOf(days: number): string {
  const text = new Date(Date.now() + days * DAY_MS).toISOString()
  return `${text.replace(/[-:T]/g, '').slice(0, 14)}Z`
}
