export type { AdmissionGate, Attempt, ConnectionFacts, GateVerdict } from './gate.ts'
export type { Admitted, Admittance, Refused } from './gates.ts'
export { AdmissionGates, concerns } from './gates.ts'
