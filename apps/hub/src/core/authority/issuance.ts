/** Makes the certificates of the hub's own authority: roots, their successors, issuing authorities, the listeners'. */

import { isIP } from 'node:net'
import type { KeyObject } from 'node:crypto'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { Random } from '@holdfast/keys'
import {
  type AlternativeName,
  type AuthorityKey,
  type Certificate,
  type CertificateProfile,
  ISSUING_AUTHORITY,
  issueCertificate,
  parseCertificate,
  ROOT_AUTHORITY,
  SERVER_CERTIFICATE,
  type Signer,
  validityOf,
} from '@holdfast/pki'
import { type CertificateWithKey, newPrivateKey, signerOf, spkiOf } from '../certificate-file.ts'

export interface IssuanceParts {
  readonly clock: Clock
  readonly random: Random
  readonly events: EventSink
  readonly hostNames: readonly string[]
}

export interface IssuerAtWork {
  readonly certificate: Certificate
  readonly signer: Signer
}

const SERIAL_BYTES = 16

export class Issuance {
  readonly #parts: IssuanceParts

  constructor(parts: IssuanceParts) {
    this.#parts = parts
  }

  /** @param before the root that it follows: it takes over its name, so that one may vouch for the other on any path. */
  async root(actor: string, before?: Certificate): Promise<CertificateWithKey> {
    const key = newPrivateKey()
    const commonName = before?.commonName ?? this.#nameOf(ROOT_AUTHORITY)
    const signer = signerOf(key)
    return { certificate: await this.#issue({ profile: ROOT_AUTHORITY, commonName, signer, actor }), key }
  }

  /** The new root as the old one vouches for it. It has the old one's name, so that it takes no room on a path. */
  cross(
    root: Certificate,
    by: { readonly certificate: Certificate; readonly key: KeyObject },
    actor: string,
  ): Promise<Certificate> {
    return this.#issue({
      profile: { ...ROOT_AUTHORITY, name: 'cross-certificate' },
      commonName: root.commonName,
      spki: root.spki,
      issuer: by.certificate,
      signer: signerOf(by.key),
      actor,
    })
  }

  issuing(
    key: AuthorityKey,
    root: { readonly certificate: Certificate; readonly key: KeyObject },
    actor: string,
  ): Promise<Certificate> {
    return this.#issue({
      profile: ISSUING_AUTHORITY,
      commonName: this.#nameOf(ISSUING_AUTHORITY),
      spki: key.signer.publicKey,
      issuer: root.certificate,
      signer: signerOf(root.key),
      actor,
    })
  }

  async server({ certificate: issuer, signer }: IssuerAtWork, actor: string): Promise<CertificateWithKey> {
    const key = newPrivateKey()
    const { hostNames } = this.#parts
    const [commonName = 'localhost'] = hostNames
    const alternativeNames = hostNames.flatMap(alternativeNamesOf)
    const request = { profile: SERVER_CERTIFICATE, commonName, spki: spkiOf(key), issuer, signer, actor }
    return { certificate: await this.#issue({ ...request, alternativeNames }), key }
  }

  #nameOf({ name }: CertificateProfile): string {
    return `Holdfast ${name} of ${this.#parts.hostNames[0] ?? 'localhost'}`
  }

  async #issue(request: {
    readonly profile: CertificateProfile
    readonly commonName: string
    /** Undefined: that of the signer, who signs itself. */
    readonly spki?: Uint8Array
    readonly issuer?: Certificate
    readonly signer: Signer
    readonly alternativeNames?: readonly AlternativeName[]
    readonly actor: string
  }): Promise<Certificate> {
    const { profile, commonName, issuer, signer, alternativeNames, actor } = request
    const { clock, random, events } = this.#parts
    const now = clock.wall()
    const certificate = parseCertificate(
      await issueCertificate({
        profile,
        subject: { commonName },
        spki: request.spki ?? signer.publicKey,
        issuer,
        signer,
        serialNumber: random(SERIAL_BYTES),
        validity: validityOf(profile, now, issuer),
        ...(alternativeNames === undefined ? {} : { alternativeNames }),
      }),
    )
    events({
      type: 'certificate.issued',
      at: now,
      subject: `certificate/${profile.name.replaceAll(' ', '-')}`,
      actor,
      detail: { sha256: certificate.sha256Thumbprint, notAfter: new Date(certificate.notAfter).toISOString() },
    })
    return certificate
  }
}

function alternativeNamesOf(name: string): AlternativeName[] {
  if (isIP(name) !== 0) return [{ kind: 'ip', address: name }]
  const dns: AlternativeName = { kind: 'dns', name }
  // Who asks for localhost by its address means the same.
  return name === 'localhost' ? [dns, { kind: 'ip', address: '127.0.0.1' }, { kind: 'ip', address: '::1' }] : [dns]
}
