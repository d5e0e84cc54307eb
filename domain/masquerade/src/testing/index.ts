export { Chance } from './chance.ts'
export type { FuzzTarget } from './fuzz-targets.ts'
export { fuzzTargets } from './fuzz-targets.ts'
export { MemoryDossierStore } from './memory-dossiers.ts'
