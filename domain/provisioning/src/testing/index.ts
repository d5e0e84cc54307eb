export { MemoryProvisioningStore } from './store.ts'
export type { TestWorld } from './world.ts'
export { certificateOf, testWorld } from './world.ts'
