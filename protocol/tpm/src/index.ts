export { CURVE_BYTES, HASH_BYTES, TPM_ALG, hashAlgorithm, hashAlgorithmOrNone, hashId } from './algorithms.ts'
export type { Curve, HashAlgorithm } from './algorithms.ts'
export { HIERARCHY, NO_PASSWORD, responseBytes } from './commands/command.ts'
export type { Authorization, Handle, TpmCommand } from './commands/command.ts'
export {
  activateCredential,
  create,
  createPrimary,
  evictControl,
  flushContext,
  hmac,
  importObject,
  load,
  readPublicOf,
  unseal,
} from './commands/objects.ts'
export type { Created, CreatedPrimary, SensitiveCreate } from './commands/objects.ts'
export { policyGetDigest, policyPcr, policySecret, startAuthSession } from './commands/policy.ts'
export type { SessionKind } from './commands/policy.ts'
export { TpmRefusal } from './commands/refusal.ts'
export { getRandom, pcrExtend, pcrRead, quote, startup } from './commands/registers.ts'
export type { PcrReadings } from './commands/registers.ts'
export { makeCredential } from './credential.ts'
export type { Credential } from './credential.ts'
export { duplicateObject, hmacObject } from './duplication.ts'
export type { Duplicate, KeyedHashObject } from './duplication.ts'
export { TpmError } from './errors.ts'
export type { TpmErrorCode } from './errors.ts'
export { COMMAND_BYTES_MAX, RESPONSE_BYTES_MAX } from './limits.ts'
export { decodeName, nameOf } from './name.ts'
export type { ObjectAttribute } from './object-attributes.ts'
export type { PcrBank } from './pcr-selection.ts'
export { decodePublic, decodePublicArea, encodePublic, encodePublicArea } from './public-area.ts'
export type { EccPublic, KeyedHashPublic, RsaPublic, SymCipherPublic, TpmPublic } from './public-area.ts'
export { publicKeyOf } from './public-key.ts'
export type { AsymmetricScheme, KeyDerivation, KeyedHashScheme, SymmetricDefinition } from './schemes.ts'
export { storageParent } from './seed.ts'
export type { SeedSource, StorageParent } from './seed.ts'
export { decodeSignature, encodeSignature, isSignedBy } from './signature.ts'
export type { TpmSignature } from './signature.ts'
export {
  ECC_ENDORSEMENT_TEMPLATE,
  ECC_STORAGE_TEMPLATE,
  RSA_ENDORSEMENT_TEMPLATE,
  RSA_STORAGE_TEMPLATE,
  sealedTemplate,
} from './templates.ts'
export { decodeAttest } from './attest.ts'
export type { Attest, CertifyAttest, QuoteAttest, TpmClock } from './attest.ts'
export { EVENT_LOG_BYTES_MAX, EVENTS_MAX, PCRS } from './event-limits.ts'
export { decodeEventLog } from './event-log.ts'
export type { EventLog, MeasuredEvent } from './event-log.ts'
export { extendPcr, initialPcr, isDataAsMeasured, replayEvents } from './event-replay.ts'
export { bindsItsData, EV_NO_ACTION, eventTypeName } from './event-types.ts'
export { endorsementPrimaryName, qualifiedName } from './qualified-name.ts'
export { digestOfPcrs, verifyQuote } from './quote-verification.ts'
export type { PcrValues, QuoteBytes, QuoteFault, QuoteVerdict } from './quote-verification.ts'
