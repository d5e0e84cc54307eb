export type { AdmissionGate, Attempt, ConnectionFacts, GateVerdict } from './gate.ts'
export type { Admitted, Admittance, Refused } from './gates.ts'
export { AdmissionGates, concerns } from './gates.ts'
export type {
  ConnectionPolicy,
  Duplicates,
  EffectivePolicy,
  NonceRule,
  Response,
  TlsFloor,
  Transport,
} from './connection-policy.ts'
export {
  ConnectionPolicyError,
  DEFAULT_POLICY,
  DUPLICATES,
  effectivePolicy,
  NONCE_RULES,
  readConnectionPolicy,
  RESPONSES,
  TLS_FLOORS,
  TRANSPORTS,
} from './connection-policy.ts'
export type { PolicyBreach } from './connection-rules.ts'
export { breachOf } from './connection-rules.ts'
export { NETWORKS_MAX, POLICIES_OF_DEVICES_MAX, QUARANTINED_MAX, REASON_CHARACTERS_MAX } from './limits.ts'
export type { Network } from './network.ts'
export { contains, parseAddress, parseNetwork } from './network.ts'
export { ConnectionPace } from './connection-pace.ts'
export type { PaceVerdict } from './connection-pace.ts'
export { ConnectionPolicies } from './connection-policies.ts'
export type {
  ConnectionPoliciesParts,
  ConnectionPolicyStore,
  PolicyOutcome,
  PolicyScope,
} from './connection-policies.ts'
export { Incumbents } from './incumbents.ts'
export { Quarantine } from './quarantine.ts'
export type { QuarantineEntry, QuarantineOutcome, QuarantineParts, QuarantineStore } from './quarantine.ts'
