export { checkLines, fuzzTargets } from './fuzz-targets.ts'
export { MemorySupplyStore } from './memory-store.ts'
