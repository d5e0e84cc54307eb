/** What the documents say of a certificate (azure-iot.md §7). */

import { type Timestamp, formatTimestamp } from '@holdfast/base'

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

export interface CertificateInfoDocument {
  readonly subjectName: string
  readonly sha1Thumbprint: string
  readonly sha256Thumbprint: string
  readonly issuerName: string
  readonly notBeforeUtc: string
  readonly notAfterUtc: string
  readonly serialNumber: string
  readonly version: number
}

export function formatCertificateInfo(certificate: CertificateSummary): CertificateInfoDocument {
  return {
    subjectName: certificate.subjectName,
    sha1Thumbprint: certificate.sha1Thumbprint,
    sha256Thumbprint: certificate.sha256Thumbprint,
    issuerName: certificate.issuerName,
    notBeforeUtc: formatTimestamp(certificate.notBefore),
    notAfterUtc: formatTimestamp(certificate.notAfter),
    serialNumber: certificate.serialNumber,
    version: certificate.version,
  }
}
