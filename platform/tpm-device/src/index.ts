export { TpmDeviceError } from './errors.ts'
export type { TpmDeviceErrorCode } from './errors.ts'
export { TpmTransport } from './transport.ts'
export type { TpmAddress } from './transport.ts'
