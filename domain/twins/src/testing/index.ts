export { MemoryTwinStore } from './memory-twin-store.ts'
