export type { Ready, RunningWitness } from './run.ts'
export { startWitness } from './run.ts'
export type { Settings } from './settings.ts'
export { SettingsError, readSettings } from './settings.ts'
