export { MemoryModelStore } from './memory-store.ts'
