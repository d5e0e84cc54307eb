export { fuzzTargets } from './fuzz-targets.ts'
export { MemoryPeopleStore } from './memory-people-store.ts'
export { PeopleClock, peopleWorld } from './world.ts'
