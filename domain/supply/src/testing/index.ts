export { MemorySupplyStore } from './memory-store.ts'
