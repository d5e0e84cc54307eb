export type { AlternativeName, Publication, Subject } from './asn1.ts'
export type { AuthorityKey, AuthorityKeys } from './authority-keys.ts'
export { Certificate, parseCertificate } from './certificate.ts'
export { encodeCertificateBundle } from './certificate-bundle.ts'
export type { CertificateFacts, CertificateSummary } from './certificate-facts.ts'
export { certificateFacts, summarizeCertificate } from './certificate-facts.ts'
export type { VerifiedRequest } from './certification-request.ts'
export { createCertificationRequest, verifyCertificationRequest } from './certification-request.ts'
export type { ChainPurpose, ChainRefusal, ChainVerdict } from './chain.ts'
export { checkAuthority, verifyChain } from './chain.ts'
export type { CrlEntry } from './crl-entry.ts'
export type { CrlFault } from './crl-extensions.ts'
export type { TpmMaker } from './endorsement.ts'
export { splitCertificates, tpmMakerOf } from './endorsement.ts'
export type { PkiErrorCode } from './errors.ts'
export { PkiError } from './errors.ts'
export type { CertificateExtensions } from './extensions.ts'
export { KEY_PURPOSE, KEY_USAGE } from './extensions.ts'
export type { IssueRequest } from './issue.ts'
export { issueCertificate } from './issue.ts'
export type { CrlRequest, RevokedCertificate } from './issue-crl.ts'
export { issueCrl } from './issue-crl.ts'
export type { KeyKind } from './key-quality.ts'
export { keyKindOf, readPublicKey } from './key-quality.ts'
export {
  CERTIFICATE_BYTES_MAX,
  CHAIN_CERTIFICATES_MAX,
  CRL_BYTES_MAX,
  CRL_ENTRIES_MAX,
  CRL_INPUT_BYTES_MAX,
  OCSP_REQUEST_BYTES_MAX,
  PATH_CERTIFICATES_MAX,
} from './limits.ts'
export type { OcspItem, OcspRequest } from './ocsp-request.ts'
export { decodeOcspRequest, isIssuerOf } from './ocsp-request.ts'
export type { OcspAnswer, OcspFailure, OcspResponseRequest, OcspStatus } from './ocsp-response.ts'
export { encodeOcspFailure, issueOcspResponse } from './ocsp-response.ts'
export type { PemLabel } from './pem.ts'
export { decodeCertificateInput, decodePem, decodeRevocationListInput, encodePem } from './pem.ts'
export type { PossessionVerdict } from './possession.ts'
export { verifyPossession } from './possession.ts'
export type { CertificateProfile, Validity } from './profile.ts'
export {
  DEVICE_CERTIFICATE,
  ISSUING_AUTHORITY,
  renewalTimeOf,
  ROOT_AUTHORITY,
  SELF_SIGNED_DEVICE_CERTIFICATE,
  SERVER_CERTIFICATE,
  validityOf,
} from './profile.ts'
export type { RsaFault } from './rsa-quality.ts'
export { rsaFaultOf } from './rsa-quality.ts'
export { parseRevocationList, RevocationList } from './revocation-list.ts'
export type { RevocationReason } from './revocation-reason.ts'
export type { SignatureAlgorithm } from './signature-algorithm.ts'
export type { Signer } from './signer.ts'
export { NO_WEAK_KEYS, WeakKeys } from './weak-keys.ts'
