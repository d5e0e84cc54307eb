export { requireSoftHsm, SoftHsm } from './soft-hsm.ts'
