export type { FuzzTarget } from './fuzz-targets.ts'
export { fuzzTargets } from './fuzz-targets.ts'
export { MemoryEndorsementRootStore } from './memory-endorsement-roots.ts'
export { MemoryAttestationStore } from './memory-store.ts'
export type { SoftwareKey, SoftwareQuote } from './software-boot.ts'
export {
  BOOT_STATE,
  signed,
  softwareAttestationKey,
  softwareEndorsementKey,
  softwareEvidence,
} from './software-boot.ts'
