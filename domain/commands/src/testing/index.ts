export { MemoryCommandStore } from './memory-store.ts'
export type { ContractStore } from './store-contract.ts'
export { commandStoreContract } from './store-contract.ts'
