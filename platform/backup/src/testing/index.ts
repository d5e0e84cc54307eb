export type { FuzzTarget } from './fuzz-targets.ts'
export { fuzzTargets } from './fuzz-targets.ts'
