export { MemoryPeopleStore } from './memory-people-store.ts'
