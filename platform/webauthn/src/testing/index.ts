export { type Attestation, type Lies, SoftwareAuthenticator } from './software-authenticator.ts'
