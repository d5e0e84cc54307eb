/** The rules of certificates, as domain/pki has them. */

import type { Timestamp } from '@holdfast/base'
import {
  type Certificate,
  KEY_USAGE,
  PkiError,
  decodeCertificateInput,
  decodePem,
  encodePem,
  parseCertificate,
  splitCertificates,
  verifyChain,
} from '@holdfast/pki'
import { NO_REVOCATION, type RevocationJudge } from '@holdfast/identity'
import type { CertificateFacts, CertificateRules, ChainVerdict } from './ports.ts'

/** @param revocations absent: nobody has revocation lists. */
export function pkiRules(revocations: RevocationJudge = NO_REVOCATION): CertificateRules {
  /** A device's chain is held against every group, and a group against every device: each is parsed once. */
  const parsed = new WeakMap<Uint8Array, Certificate>()

  const parse = (der: Uint8Array): Certificate | undefined => {
    const known = parsed.get(der)
    if (known !== undefined) return known
    const certificate = unlessRefused(() => parseCertificate(der))
    if (certificate !== undefined) parsed.set(der, certificate)
    return certificate
  }

  return {
    decode: (text: string): Uint8Array | undefined => unlessRefused(() => decodeCertificateInput(text)),

    decodeBundle: (text: string): Uint8Array | undefined =>
      unlessRefused(() => {
        const bundle = text.includes('-----BEGIN')
          ? Buffer.concat(decodePem('CERTIFICATE', text))
          : Buffer.from(text, 'base64')
        // Each is read once, so that nothing is kept that will never be.
        for (const one of splitCertificates(bundle)) parseCertificate(one)
        return bundle
      }),

    formatBundle: (bundle: Uint8Array): string =>
      splitCertificates(bundle)
        .map((one) => encodePem('CERTIFICATE', one))
        .join(''),

    isOfKey: (bundle: Uint8Array, spki: Uint8Array): boolean =>
      unlessRefused(() => {
        const [first] = splitCertificates(bundle)
        if (first === undefined) return false
        const own = parseCertificate(first).publicKey().export({ type: 'spki', format: 'der' })
        return Buffer.compare(own, spki) === 0
      }) ?? false,

    facts(der: Uint8Array): CertificateFacts | undefined {
      const certificate = parse(der)
      if (certificate === undefined) return undefined
      const { commonName, subjectName, issuerName, sha1Thumbprint, sha256Thumbprint } = certificate
      const { serialNumber, notBefore, notAfter, version } = certificate
      const names = { commonName, subjectName, issuerName }
      const { isAuthority, keyUsage } = certificate.extensions
      const mayIssue = isAuthority && (keyUsage === undefined || (keyUsage & KEY_USAGE.keyCertSign) !== 0)
      return { ...names, sha1Thumbprint, sha256Thumbprint, serialNumber, notBefore, notAfter, version, mayIssue }
    },

    leadsTo(chain: readonly Uint8Array[], anchorDer: Uint8Array, now: Timestamp): ChainVerdict {
      const [leaf, ...intermediates] = chain
      const anchor = parse(anchorDer)
      if (leaf === undefined || anchor === undefined) return { kind: 'refused', reason: 'malformed' }
      // Most groups have nothing to do with the chain: names tell, before any signature is looked at.
      const isNear = chain.some((one) => parse(one)?.isIssuableBy(anchor) ?? false)
      if (!isNear) return { kind: 'refused', reason: 'no-path' }
      const verdict = verifyChain({ leaf, intermediates, anchors: [anchor], now, purpose: 'client' })
      if (verdict.kind === 'untrusted') return { kind: 'refused', reason: verdict.reason }
      const finding = revocations.judge(revocations.linksOf(verdict.path), now)
      if (finding !== undefined) return { kind: 'refused', reason: finding.detail, code: finding.code }
      return { kind: 'trusted', depth: verdict.path.length - 1 }
    },
  }
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof PkiError) return undefined
    throw error
  }
}
