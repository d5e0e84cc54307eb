/** A client of EST that is none of ours: curl for the transport, openssl for keys, requests and what comes back. */

import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Paths of PEM files. */
export interface KeyPair {
  readonly key: string
  readonly certificate: string
}

export interface EstAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface EstWish {
  readonly operation: string
  readonly label?: string
  /** Path of a PEM request. */
  readonly request?: string
  /** The client certificate of the connection. */
  readonly by?: KeyPair
  /** `user:password` of HTTP Basic. */
  readonly basic?: string
  readonly authorization?: string
  readonly contentType?: string
  /** Instead of the request. */
  readonly body?: string
}

export interface EstServer {
  readonly httpsPort: number
  readonly caFile: string
}

const PROCESS_MS_MAX = 20_000
const CURVE = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']

/** What `openssl genpkey` is told. */
export const KEY_KINDS = {
  'P-256': CURVE,
  'P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['-algorithm', 'ed25519'],
  'rsa-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'rsa-1024': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  secp256k1: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
} as const

/** A folder of keys and certificates that is gone with the process. */
export class EstClient {
  readonly server: EstServer
  /** Where connections come from. */
  address = '127.0.0.1'
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-est-'))
  #count = 0

  constructor(server: EstServer) {
    this.server = server
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }))
  }

  /** A path in the folder that nobody has used. */
  path(suffix: string): string {
    this.#count += 1
    return join(this.#folder, `${this.#count}-${suffix}`)
  }

  write(suffix: string, text: string | Uint8Array): string {
    const file = this.path(suffix)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }

  /** @returns path of a private key. */
  newKey(kind: keyof typeof KEY_KINDS = 'P-256'): string {
    const file = this.path('key.pem')
    openssl(['genpkey', ...KEY_KINDS[kind], '-out', file])
    return file
  }

  /** @returns path of a request for `/CN=commonName`, or for the subject as openssl writes it. */
  newRequest(commonName: string, key: string, subject = `/CN=${commonName.replaceAll('/', '\\/')}`): string {
    const file = this.path('request.pem')
    openssl(['req', '-new', '-key', key, '-subj', subject, '-out', file])
    return file
  }

  /** A certificate that signs itself, or is signed by `issuer`; `dates` as `openssl ca` takes them. */
  newCertificate(
    commonName: string,
    more: {
      readonly issuer?: KeyPair
      readonly isAuthority?: boolean
      readonly days?: string
      readonly subject?: string
    } = {},
  ): KeyPair {
    const key = this.newKey()
    const certificate = this.path('certificate.pem')
    const { issuer, isAuthority = false, days = '30', subject = `/CN=${commonName}` } = more
    const extensions = isAuthority
      ? ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
      : ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth']
    const above = issuer === undefined ? [] : ['-CA', issuer.certificate, '-CAkey', issuer.key]
    const added = extensions.flatMap((one) => ['-addext', one])
    openssl([
      'req',
      '-x509',
      '-new',
      '-key',
      key,
      '-subj',
      subject,
      '-days',
      days,
      '-out',
      certificate,
      ...above,
      ...added,
    ])
    return { key, certificate }
  }

  /** One that is valid from `start` to `end`, as `openssl ca` takes them (`YYYYMMDDHHMMSSZ`). */
  newDatedCertificate(commonName: string, issuer: KeyPair, start: string, end: string): KeyPair {
    const key = this.newKey()
    const certificate = this.path('certificate.pem')
    const extensions =
      'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n'
    const database = this.write('index.txt', '')
    const configuration = this.write(
      'ca.cnf',
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${database}\nnew_certs_dir=${this.#folder}\nrand_serial=yes\ndefault_md=sha256\n` +
        `policy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n${extensions}`,
    )
    const given = ['-in', this.newRequest(commonName, key), '-out', certificate, '-notext']
    openssl([
      'ca',
      '-batch',
      '-config',
      configuration,
      '-cert',
      issuer.certificate,
      '-keyfile',
      issuer.key,
      '-startdate',
      start,
      '-enddate',
      end,
      ...given,
    ])
    return { key, certificate }
  }

  /** Asks with curl. */
  ask(wish: EstWish): EstAnswer {
    const { httpsPort, caFile } = this.server
    const [headers, body] = [this.path('headers'), this.path('body')]
    const label = wish.label === undefined ? '' : `${wish.label}/`
    const given = [
      '--silent',
      '--show-error',
      '--interface',
      this.address,
      '--cacert',
      caFile,
      '--dump-header',
      headers,
      '--output',
      body,
    ]
    if (wish.by !== undefined) given.push('--cert', wish.by.certificate, '--key', wish.by.key)
    if (wish.basic !== undefined) given.push('--user', wish.basic)
    if (wish.authorization !== undefined) given.push('--header', `Authorization: ${wish.authorization}`)
    const sent = wish.body ?? (wish.request === undefined ? undefined : base64Of(wish.request))
    if (sent !== undefined) {
      given.push('--header', `Content-Type: ${wish.contentType ?? 'application/pkcs10'}`)
      given.push('--data-binary', `@${this.write('sent', sent)}`)
    }
    const url = `https://localhost:${httpsPort}/.well-known/est/${label}${wish.operation}`
    const run = spawnSync('curl', [...given, '--resolve', `localhost:${httpsPort}:127.0.0.1`, url], {
      encoding: 'utf8',
      timeout: PROCESS_MS_MAX,
    })
    if (run.status !== 0) throw new Error(`curl ended with ${run.status}: ${run.stderr}`)
    return { ...headOf(readFileSync(headers, 'utf8')), body: readFileSync(body, 'utf8') }
  }

  /** Asks for a certificate and keeps it. @throws Error with what the hub said when it gives none. */
  obtain(wish: EstWish & { readonly request: string }, key: string): KeyPair {
    const answer = this.ask(wish)
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
    return { key, certificate: this.write('issued.pem', certificatesIn(answer.body).join('')) }
  }
}

/** The certificates of a base64 PKCS #7 body, as openssl reads them. PEM. */
export function certificatesIn(body: string): readonly string[] {
  const printed = openssl(['pkcs7', '-inform', 'DER', '-print_certs'], Buffer.from(body, 'base64'))
  return printed.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? []
}

export function readCertificate(file: string): X509Certificate {
  return new X509Certificate(readFileSync(file))
}

export function openssl(parameters: readonly string[], input?: Uint8Array): string {
  return execFileSync('openssl', parameters, {
    encoding: 'utf8',
    timeout: PROCESS_MS_MAX,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
  })
}

/** DER in base64 lines, as RFC 7030 §4.2.1 has it. */
function base64Of(request: string): string {
  return readFileSync(request, 'utf8').replace(/-----[A-Z ]+-----\n/g, '')
}

function headOf(text: string): Pick<EstAnswer, 'status' | 'headers'> {
  // Of several heads (an interim answer) the last counts.
  const head =
    text
      .trim()
      .split(/\r?\n\r?\n/)
      .at(-1) ?? ''
  const [first = '', ...lines] = head.split(/\r?\n/)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return { status: Number(first.split(' ')[1]), headers }
}
