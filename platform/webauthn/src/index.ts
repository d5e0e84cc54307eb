export { ALGORITHMS, WebAuthn, type WebAuthnOptions } from './webauthn.ts'
