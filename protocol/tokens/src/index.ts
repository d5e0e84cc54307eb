export type {
  ConnectionString,
  Credential,
  DeviceConnectionString,
  EventHubConnectionString,
  ServiceConnectionString,
} from './connection-string.ts'
export { formatConnectionString, parseConnectionString } from './connection-string.ts'
export type { TokenErrorCode } from './errors.ts'
export { TokenError } from './errors.ts'
export { EXPIRY_SKEW_MS, KEY_BYTES_MAX, KEY_BYTES_MIN, TOKEN_CHARACTERS_MAX } from './limits.ts'
export {
  formatMachineToken,
  isMachineToken,
  MACHINE_TOKEN_BYTES,
  MACHINE_TOKEN_CHARACTERS,
  MACHINE_TOKEN_PATTERN,
  MACHINE_TOKEN_PREFIX,
} from './machine-token.ts'
export type { SasHolder, SasResource } from './resource.ts'
export { coversDevice, coversRegistration, coversService, resourceOf } from './resource.ts'
export type { KeyForm, SasToken } from './sas-token.ts'
export { formatSasToken, isExpired, parseSasToken, verifySasToken } from './sas-token.ts'
export { decodeBase64, decodeKey, deriveDeviceKey, isKey } from './symmetric-key.ts'
