export { fuzzTargets } from './fuzz-targets.ts'
export { MemoryLog, testKey } from './memory-log.ts'
