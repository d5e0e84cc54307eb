export { fuzzTargets } from './fuzz-targets.ts'
export { requireSoftHsm, SoftHsm } from './soft-hsm.ts'
