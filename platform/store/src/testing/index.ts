export type { Filled, FillOptions } from './fill.ts'
export { deviceName, fill, openTelemetry, settle } from './fill.ts'
export type { FilledTwin, FillTwinsOptions } from './fill-twins.ts'
export { exampleTwin, filledDevice, fillTwins } from './fill-twins.ts'
