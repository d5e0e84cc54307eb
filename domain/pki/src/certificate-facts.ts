/** Certificates as plain facts: for the messages between threads, and for the documents of device provisioning. */

import type { Timestamp } from '@holdfast/base'
import { parseCertificate } from './certificate.ts'
import { PkiError } from './errors.ts'
import { CHAIN_CERTIFICATES_MAX } from './limits.ts'

/** As `domain/messaging` carries it from front to core. */
export interface CertificateFacts {
  /** Upper-case hex of the leaf's DER. */
  readonly sha1: string
  readonly sha256: string
  /** '' unless the leaf has exactly one. */
  readonly commonName: string
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  /** DER of the leaf and what came above it. */
  readonly chain: readonly Uint8Array[]
}

/**
 * The facts of what a peer presented. Says nothing of trust.
 * @param chain DER, leaf first; what lies past the eighth is dropped.
 * @throws PkiError `bad-certificate`, `bad-der`, `too-large` for the leaf; the rest is not read.
 */
export function certificateFacts(chain: readonly Uint8Array[]): CertificateFacts {
  const [first] = chain
  if (first === undefined) throw new PkiError('bad-certificate', 'no certificate')
  const leaf = parseCertificate(first)
  return {
    sha1: leaf.sha1Thumbprint,
    sha256: leaf.sha256Thumbprint,
    commonName: leaf.commonName,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    chain: chain.slice(0, CHAIN_CERTIFICATES_MAX),
  }
}

/** What the documents of device provisioning say of a certificate; `protocol/dps` writes them. */
export interface CertificateSummary {
  readonly subjectName: string
  readonly issuerName: string
  /** Upper-case hex. */
  readonly sha1Thumbprint: string
  readonly sha256Thumbprint: string
  readonly serialNumber: string
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  /** 1 to 3. */
  readonly version: number
}

/** @throws PkiError `bad-certificate`, `bad-der`, `too-large`. */
export function summarizeCertificate(der: Uint8Array): CertificateSummary {
  const certificate = parseCertificate(der)
  const { subjectName, issuerName, sha1Thumbprint, sha256Thumbprint } = certificate
  const { serialNumber, notBefore, notAfter, version } = certificate
  return { subjectName, issuerName, sha1Thumbprint, sha256Thumbprint, serialNumber, notBefore, notAfter, version }
}
