export type { Attestation, Enrollment, Page, ProvisioningStore, Registration } from './store.ts'
