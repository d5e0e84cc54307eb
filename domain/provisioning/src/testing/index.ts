export { MemoryProvisioningStore } from './store.ts'
export type { TestWorld, TestWorldOptions } from './world.ts'
export { certificateOf, testWorld } from './world.ts'
