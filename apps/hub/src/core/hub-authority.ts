/**
 * The hub's own certificate authority: a root, needed only to issue the issuing authority, so that `root.key` may be
 * moved off the machine; the issuing authority; and the certificate of the listeners, which renews itself.
 */

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { EventSink } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import { type KeyFolder, type KeyRing, type Random, replaceFile } from '@holdfast/keys'
import {
  type AlternativeName,
  type Certificate,
  type CertificateProfile,
  encodePem,
  ISSUING_AUTHORITY,
  issueCertificate,
  parseCertificate,
  renewalTimeOf,
  ROOT_AUTHORITY,
  SERVER_CERTIFICATE,
  type Signer,
  validityOf,
} from '@holdfast/pki'
import {
  type CertificateWithKey,
  HubCertificateError,
  newPrivateKey,
  readCertificate,
  readCertificateWithKey,
  signerOf,
  spkiOf,
  writeCertificateWithKey,
} from './certificate-file.ts'

export interface HubAuthorityParts {
  readonly folder: KeyFolder
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: Random
  readonly events: EventSink
  readonly hostNames: readonly string[]
}

const PEM_BYTES_MAX = 65_536
const SERIAL_BYTES = 16
/** What devices are to trust. */
const ROOT_PEM = 'root.pem'
/** Needed only to issue the issuing authority; may be kept elsewhere. */
const ROOT_KEY = 'root-key.json'
const ISSUING = 'issuing.json'
const SERVER = 'server.json'
const ROOT_KEY_NEEDED = 'it is needed to renew the issuing authority'

/** The root, and its key where that is here. */
interface Root {
  readonly certificate: Certificate
  readonly withKey: CertificateWithKey | undefined
}

/** An authority that issues: its certificate, and what signs with its key wherever that is kept. */
export interface IssuingAuthority {
  readonly certificate: Certificate
  readonly signer: Signer
}

export class HubAuthority {
  readonly #parts: HubAuthorityParts
  readonly #listeners = new Set<() => void>()
  readonly #root: Root
  #issuing: CertificateWithKey
  #server: CertificateWithKey

  private constructor(parts: HubAuthorityParts, root: Root, issuing: CertificateWithKey, server: CertificateWithKey) {
    this.#parts = parts
    this.#root = root
    this.#issuing = issuing
    this.#server = server
  }

  /**
   * Reads what is there and makes what is not.
   * @throws HubCertificateError or KeyError when what is there is damaged: a new authority would cut off every device.
   */
  static async open(parts: HubAuthorityParts): Promise<HubAuthority> {
    const { folder, ring } = parts
    const root = (await readRoot(parts)) ?? (await makeRoot(parts))
    let issuing = await readCertificateWithKey({ folder, name: ISSUING }, ring)
    if (issuing === undefined) {
      if (root.withKey === undefined) throw new HubCertificateError(join(folder.path, ISSUING), 'it is not there')
      issuing = await issue(parts, ISSUING, ISSUING_AUTHORITY, root.withKey)
    }
    if (!isIssuedBy(issuing.certificate, root.certificate)) {
      throw new HubCertificateError(join(folder.path, ISSUING), `it was not issued by ${ROOT_PEM}`)
    }
    let server = await readCertificateWithKey({ folder, name: SERVER }, ring)
    if (server === undefined) {
      if (hasEnded(issuing.certificate, parts.clock)) {
        if (root.withKey === undefined) throw new HubCertificateError(join(folder.path, ROOT_KEY), ROOT_KEY_NEEDED)
        issuing = await issue(parts, ISSUING, ISSUING_AUTHORITY, root.withKey)
      }
      server = await issue(parts, SERVER, SERVER_CERTIFICATE, issuing)
    }
    const authority = new HubAuthority(parts, root, issuing, server)
    await authority.renewIfDue()
    return authority
  }

  /** Path of the root's certificate, which devices are to trust. */
  get rootFile(): string {
    return join(this.#parts.folder.path, ROOT_PEM)
  }

  get serverNotAfter(): Timestamp {
    return this.#server.certificate.notAfter
  }

  /** Upper-case hex. */
  get serverSha256(): string {
    return this.#server.certificate.sha256Thumbprint
  }

  /** What issues certificates to devices now. Changes when it is renewed and when authorities roll over: ask each time. */
  get issuing(): IssuingAuthority {
    const { certificate, key } = this.#issuing
    return { certificate, signer: signerOf(key) }
  }

  /** What stands above a certificate that is issued now, nearest first: the issuing authority and its root. */
  get chain(): readonly [Certificate, Certificate] {
    return [this.#issuing.certificate, this.#root.certificate]
  }

  /** Every root that devices are to trust now, the one in use first; two while authorities roll over. */
  get roots(): readonly Certificate[] {
    return [this.#root.certificate]
  }

  /** Issuing authorities of the hub whose certificates count now, the one that issues first. */
  get issuers(): readonly Certificate[] {
    return [this.#issuing.certificate]
  }

  /** Calls `listener` after `issuing`, `roots` or `issuers` changed; returns what ends it. `listener` does not throw. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Whether the issuing authority is due for renewal and cannot be renewed, for the root's key is elsewhere. */
  get isRootKeyNeeded(): boolean {
    return this.#root.withKey === undefined && this.#isDue(this.#issuing.certificate)
  }

  /** PEM of the key, and of the certificate with its issuer, for the listeners. */
  material(): { readonly key: string; readonly certificate: string } {
    const { key, certificate } = this.#server
    return {
      key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
      certificate: encodePem('CERTIFICATE', certificate.der) + encodePem('CERTIFICATE', this.#issuing.certificate.der),
    }
  }

  /**
   * Renews what is two thirds through its life, lacks a name of the hub, or was issued by an authority that has been
   * renewed since; true when the listeners have to reload.
   */
  async renewIfDue(): Promise<boolean> {
    const { withKey } = this.#root
    const renewsIssuing = withKey !== undefined && this.#isDue(this.#issuing.certificate)
    if (renewsIssuing) {
      this.#issuing = await issue(this.#parts, ISSUING, ISSUING_AUTHORITY, withKey)
      for (const listener of this.#listeners) listener()
    }
    const { certificate } = this.#server
    const isGood =
      !this.#isDue(certificate) &&
      namesAll(certificate, this.#parts.hostNames) &&
      isIssuedBy(certificate, this.#issuing.certificate)
    // An authority that has ended issues nothing: devices refuse the hub until the root's key is back, operators do not.
    if (isGood || hasEnded(this.#issuing.certificate, this.#parts.clock)) return false
    await this.renew()
    return true
  }

  /**
   * Issues a new server certificate with a new key.
   * @throws HubCertificateError when the issuing authority has ended.
   */
  async renew(actor = 'hub'): Promise<void> {
    if (hasEnded(this.#issuing.certificate, this.#parts.clock)) {
      throw new HubCertificateError(join(this.#parts.folder.path, ROOT_KEY), ROOT_KEY_NEEDED)
    }
    this.#server = await issue(this.#parts, SERVER, SERVER_CERTIFICATE, this.#issuing, actor)
  }

  #isDue(certificate: Certificate): boolean {
    return this.#parts.clock.wall() >= renewalTimeOf(certificate)
  }
}

async function readRoot({ folder, ring }: HubAuthorityParts): Promise<Root | undefined> {
  const file = await folder.read(ROOT_PEM, PEM_BYTES_MAX)
  if (file === undefined) return undefined
  const certificate = readCertificate(Buffer.from(file.bytes).toString('utf8'), join(folder.path, ROOT_PEM))
  const withKey = await readCertificateWithKey({ folder, name: ROOT_KEY }, ring)
  if (withKey !== undefined && !Buffer.from(withKey.certificate.der).equals(certificate.der)) {
    throw new HubCertificateError(join(folder.path, ROOT_KEY), `it belongs to another root than ${ROOT_PEM}`)
  }
  return { certificate, withKey }
}

/** The certificate is written last: where it is missing, the first start did not get that far, and begins anew. */
async function makeRoot(parts: HubAuthorityParts): Promise<Root> {
  const withKey = await issue(parts, ROOT_KEY, ROOT_AUTHORITY, undefined)
  const { certificate } = withKey
  await replaceFile(parts.folder, ROOT_PEM, Buffer.from(encodePem('CERTIFICATE', certificate.der)), false)
  return { certificate, withKey }
}

async function issue(
  parts: HubAuthorityParts,
  name: string,
  profile: CertificateProfile,
  issuer: CertificateWithKey | undefined,
  actor = 'hub',
): Promise<CertificateWithKey> {
  const key = newPrivateKey()
  const now = parts.clock.wall()
  const [hostName = 'localhost'] = parts.hostNames
  const der = await issueCertificate({
    profile,
    subject: { commonName: profile.hasAlternativeNames ? hostName : `Holdfast ${profile.name} of ${hostName}` },
    spki: spkiOf(key),
    issuer: issuer?.certificate,
    signer: signerOf(issuer?.key ?? key),
    serialNumber: parts.random(SERIAL_BYTES),
    validity: validityOf(profile, now, issuer?.certificate),
    ...(profile.hasAlternativeNames ? { alternativeNames: parts.hostNames.flatMap(alternativeNames) } : {}),
  })
  const issued = { certificate: parseCertificate(der), key }
  await writeCertificateWithKey({ folder: parts.folder, name }, issued, parts)
  parts.events({
    type: 'certificate.issued',
    at: now,
    subject: `certificate/${profile.name.replaceAll(' ', '-')}`,
    actor,
    detail: {
      sha256: issued.certificate.sha256Thumbprint,
      notAfter: new Date(issued.certificate.notAfter).toISOString(),
    },
  })
  return issued
}

function alternativeNames(name: string): AlternativeName[] {
  if (isIP(name) !== 0) return [{ kind: 'ip', address: name }]
  const dns: AlternativeName = { kind: 'dns', name }
  // Who asks for localhost by its address means the same.
  return name === 'localhost' ? [dns, { kind: 'ip', address: '127.0.0.1' }, { kind: 'ip', address: '::1' }] : [dns]
}

function hasEnded(certificate: Certificate, clock: Clock): boolean {
  return clock.wall() >= certificate.notAfter
}

/** Signature and names fit, whatever the time is. */
function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const [subject, authority] = [new X509Certificate(certificate.der), new X509Certificate(issuer.der)]
  return subject.checkIssued(authority) && subject.verify(authority.publicKey)
}

function namesAll(certificate: Certificate, hostNames: readonly string[]): boolean {
  const x509 = new X509Certificate(certificate.der)
  return hostNames.every((name) =>
    isIP(name) === 0 ? x509.checkHost(name) !== undefined : x509.checkIP(name) !== undefined,
  )
}
