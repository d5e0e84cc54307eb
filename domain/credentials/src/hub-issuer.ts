/** The port to the hub's own authority. */

import type { Certificate, Publication, Signer } from '@holdfast/pki'

/** Asked anew each time: authorities are renewed and roll over. */
export interface HubIssuer {
  /** What issues now. */
  readonly issuing: {
    readonly certificate: Certificate
    readonly signer: Signer
    /** Where it publishes what others judge its certificates by; absent: nowhere. */
    readonly publication?: Publication
  }
  /** What stands above a certificate that is issued now, nearest first, the root last. */
  readonly chain: readonly Certificate[]
  /** Issuing authorities whose certificates count now. */
  readonly issuers: readonly Certificate[]
}

/** Names and digests of the issuers, worked out once for each certificate. */
export class IssuerIndex {
  readonly #issuer: Pick<HubIssuer, 'issuers'>
  readonly #facts = new WeakMap<Certificate, { readonly name: string; readonly sha256: string }>()

  constructor(issuer: Pick<HubIssuer, 'issuers'>) {
    this.#issuer = issuer
  }

  /** Whether an authority of the hub has this name (DER of a Name). Says nothing of signatures. */
  hasName(name: Uint8Array): boolean {
    const text = Buffer.from(name).toString('base64')
    return this.#issuer.issuers.some((one) => this.#factsOf(one).name === text)
  }

  isTrusted(sha256: string): boolean {
    return this.#issuer.issuers.some((one) => this.#factsOf(one).sha256 === sha256)
  }

  #factsOf(certificate: Certificate): { readonly name: string; readonly sha256: string } {
    let facts = this.#facts.get(certificate)
    if (facts === undefined) {
      facts = { name: Buffer.from(certificate.subject).toString('base64'), sha256: certificate.sha256Thumbprint }
      this.#facts.set(certificate, facts)
    }
    return facts
  }
}
