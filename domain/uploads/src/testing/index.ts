export { fuzzTargets } from './fuzz-targets.ts'
export { MemoryBlobStore, MemoryUploadStore } from './memory-stores.ts'
