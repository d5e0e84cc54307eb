export type { Authentication, Expectation, Identity, IdentityKey, WriteOutcome } from './identity.ts'
export type {
  AccessPolicy,
  AuthorityStore,
  CustomerAuthority,
  IdentityStore,
  PolicyStore,
  Right,
} from './store.ts'
