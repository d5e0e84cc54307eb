export { MemoryAccessStore } from './memory-store.ts'
