export { MemoryAuthorityStore, MemoryIdentityStore, MemoryPolicyStore } from './stores.ts'
export { countingRandom, ManualClock, recordedEvents, TEST_START } from './world.ts'
