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
export { NETWORKS_MAX } from './limits.ts'
export type { Network } from './network.ts'
export { contains, parseAddress, parseNetwork } from './network.ts'
