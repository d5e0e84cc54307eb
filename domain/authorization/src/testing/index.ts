export { MemoryAccessStore } from './memory-store.ts'
export { SimpleEngine } from './simple-engine.ts'
export { fuzzTargets } from './fuzz-targets.ts'
