export { MemoryAttestationStore } from './memory-store.ts'
