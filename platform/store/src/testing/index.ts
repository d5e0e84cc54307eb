export type { Filled, FillOptions } from './fill.ts'
export { deviceName, fill, openTelemetry, settle } from './fill.ts'
