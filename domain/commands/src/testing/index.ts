export { MemoryCommandStore } from './memory-store.ts'
