export { checkApiVersion } from './api-version.ts'
export type { AttestationInput, CertificateInput, TpmAttestationInput } from './attestation.ts'
export type { BulkItem, BulkMode, BulkOperation, BulkResultDocument } from './bulk.ts'
export { BULK_MODES, formatBulkResult, parseBulkOperation } from './bulk.ts'
export type { CertificateInfoDocument, CertificateSummary } from './certificate-facts.ts'
export { formatCertificateInfo } from './certificate-facts.ts'
export { formatContinuation, parseContinuation } from './continuation.ts'
export type { AllocationPolicy, EnrollmentInput, EnrollmentScope } from './enrollment-document.ts'
export { readEnrollment } from './enrollment-document.ts'
export type {
  AttestationDocument,
  AttestationOutput,
  EnrollmentDocument,
  EnrollmentOutput,
} from './enrollment-format.ts'
export { formatAttestation, formatEnrollment } from './enrollment-format.ts'
export type { DpsErrorCode, ErrorDocument, Fault } from './errors.ts'
export { DPS_ERRORS, DpsError, formatError } from './errors.ts'
export type { Match } from './etag.ts'
export { formatEtag, parseIfMatch } from './etag.ts'
export type { InitialTwin } from './initial-twin.ts'
export { parseJson } from './json.ts'
export {
  BULK_BODY_BYTES_MAX,
  BULK_ENROLLMENTS_MAX,
  DEVICE_BODY_BYTES_MAX,
  ENROLLMENT_BODY_BYTES_MAX,
  OPERATION_ID_CHARACTERS_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  QUERY_BODY_BYTES_MAX,
} from './limits.ts'
export type {
  AttestationResult,
  Operation,
  OperationDocument,
  RegistrationState,
  RegistrationStateDocument,
  Substatus,
} from './operation.ts'
export { formatOperation, formatRegistrationState } from './operation.ts'
export { parsePageSize } from './page-size.ts'
export type { DevicePath, DpsPath, ServicePath } from './path.ts'
export { parseDpsPath } from './path.ts'
export type { Comparison, Condition, QueryTarget, QueryValue } from './query.ts'
export { meets, parseQuery, parseQueryBody, QUERY_FIELDS } from './query.ts'
export type { RegisterRequest, TpmKeys } from './register-request.ts'
export { parseRegisterRequest } from './register-request.ts'
export type { RegistrationId } from './registration-id.ts'
export { isOperationId, parseRegistrationId } from './registration-id.ts'
export type { Activation, ActivationKeys } from './tpm-activation.ts'
export { formatActivation, parseActivation } from './tpm-activation.ts'
export type { RequestTopic } from './topics.ts'
export { formatResponseTopic, parseRequestTopic, RESPONSE_FILTER } from './topics.ts'
export type { ProvisioningUserName } from './user-name.ts'
export { parseProvisioningUserName } from './user-name.ts'
