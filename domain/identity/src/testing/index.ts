export {
  MemoryAuthorityStore,
  MemoryIdentityStore,
  MemoryKeyUseStore,
  MemoryPolicyStore,
  MemoryRevocationListStore,
} from './stores.ts'
export { countingRandom, ManualClock, recordedEvents, TEST_START } from './world.ts'
