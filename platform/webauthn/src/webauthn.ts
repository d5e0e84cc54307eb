/**
 * WebAuthn Level 3 ceremonies (§7.1 registration, §7.2 authentication) by @simplewebauthn/server, behind the port of
 * domain/operators. What the library leaves to its user is asked for here: user verification, an exact origin, no frame
 * of another origin, and attestation that leads to a root where the policy names roots.
 */

import { X509Certificate } from 'node:crypto'
import type {
  AssertionAnswer,
  NewCredential,
  PasskeyVerifier,
  ProofFault,
  RegistrationAnswer,
  UsedCredential,
  Verdict,
} from '@holdfast/operators'
import { type Library, loadLibrary } from './library.ts'

/** Ed25519, ECDSA on P-256, RSASSA-PKCS1-v1_5 (RFC 9053, RFC 8812), in the order in which they are wanted. */
export const ALGORITHMS: readonly number[] = [-8, -7, -257]

/** Certificates in an attestation: a chain of a device has two or three. */
const CHAIN_MAX = 8

export interface WebAuthnOptions {
  /** The hub's host name: passkeys are bound to it (WebAuthn §5.1.2). */
  readonly relyingPartyId: string
  readonly relyingPartyName: string
  /** `https://host:port`, as browsers write them. */
  readonly origins: readonly string[]
}

export class WebAuthn implements PasskeyVerifier {
  readonly relyingParty: { readonly id: string; readonly name: string }
  readonly #origins: string[]

  constructor({ relyingPartyId, relyingPartyName, origins }: WebAuthnOptions) {
    this.relyingParty = { id: relyingPartyId, name: relyingPartyName }
    this.#origins = [...origins]
  }

  async register(
    answer: RegistrationAnswer,
    challenge: string,
    roots: readonly string[],
  ): Promise<Verdict<NewCredential>> {
    const client = this.#clientFault(answer.response.clientDataJSON, challenge)
    if (client !== undefined) return bad(client)
    const library = await loadLibrary()
    try {
      const { verified, registrationInfo } = await library.verifyRegistrationResponse({
        response: { ...answer, type: 'public-key', clientExtensionResults: {}, response: registrationOf(answer) },
        expectedChallenge: challenge,
        expectedOrigin: this.#origins,
        expectedRPID: this.relyingParty.id,
        requireUserPresence: true,
        requireUserVerification: true,
        supportedAlgorithmIDs: [...ALGORITHMS],
      })
      if (!verified) return bad('wrong-signature')
      const { credential, credentialDeviceType, aaguid, attestationObject } = registrationInfo
      const isAttested = roots.length > 0 && leadsToRoot(chainOf(library, attestationObject), roots)
      if (roots.length > 0 && !isAttested) return bad('attestation-refused')
      return {
        kind: 'good',
        id: credential.id,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        isBackupEligible: credentialDeviceType === 'multiDevice',
        aaguid,
        transports: (answer.response.transports ?? []).slice(0, TRANSPORTS_MAX).filter(isTransport),
        isAttested,
      }
    } catch (error) {
      return bad(faultOf(error))
    }
  }

  async verify(
    answer: AssertionAnswer,
    challenge: string,
    passkey: { readonly id: string; readonly publicKey: string },
  ): Promise<Verdict<UsedCredential>> {
    const client = this.#clientFault(answer.response.clientDataJSON, challenge)
    if (client !== undefined) return bad(client)
    const { clientDataJSON, authenticatorData, signature, userHandle } = answer.response
    const library = await loadLibrary()
    try {
      const { verified, authenticationInfo } = await library.verifyAuthenticationResponse({
        response: {
          ...answer,
          type: 'public-key',
          clientExtensionResults: {},
          response: { clientDataJSON, authenticatorData, signature, ...(userHandle !== undefined && { userHandle }) },
        },
        expectedChallenge: challenge,
        expectedOrigin: this.#origins,
        expectedRPID: this.relyingParty.id,
        requireUserVerification: true,
        // With the stored counter it would judge before it has verified the signature: anybody could raise an alarm.
        credential: {
          id: passkey.id,
          publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
          counter: 0,
        },
      })
      if (!verified) return bad('wrong-signature')
      const { newCounter, credentialDeviceType } = authenticationInfo
      return { kind: 'good', counter: newCounter, isBackupEligible: credentialDeviceType === 'multiDevice' }
    } catch (error) {
      return bad(faultOf(error))
    }
  }

  faultOfRoot(pem: string): string | undefined {
    try {
      return new X509Certificate(pem).ca ? undefined : 'a root is the certificate of an authority, and this is none'
    } catch {
      return 'a root is a certificate in PEM, and this is none'
    }
  }

  /** What the library does not look at, and what tells the faults apart for the log; it looks at the rest again. */
  #clientFault(clientDataJSON: string, challenge: string): ProofFault | undefined {
    let data: unknown
    try {
      data = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'))
    } catch {
      return 'malformed'
    }
    if (typeof data !== 'object' || data === null) return 'malformed'
    const [origin, crossOrigin, topOrigin, given] = ['origin', 'crossOrigin', 'topOrigin', 'challenge'].map(
      (name): unknown => Reflect.get(data, name),
    )
    if (typeof origin !== 'string' || !this.#origins.includes(origin)) return 'wrong-origin'
    if ((crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined) return 'wrong-origin'
    return given === challenge ? undefined : 'wrong-challenge'
  }
}

const TRANSPORTS_MAX = 8
const TRANSPORTS = ['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const

function isTransport(text: string): text is (typeof TRANSPORTS)[number] {
  return TRANSPORTS.some((one) => one === text)
}

function registrationOf({ response: { clientDataJSON, attestationObject } }: RegistrationAnswer) {
  return { clientDataJSON, attestationObject }
}

function bad(fault: ProofFault): { readonly kind: 'bad'; readonly fault: ProofFault } {
  return { kind: 'bad', fault }
}

/** The library says what is wrong in words alone; what they are here goes to the log, never to the peer. */
function faultOf(error: unknown): ProofFault {
  const message = error instanceof Error ? error.message : ''
  if (/user (?:verification|could not be verified)|verification (?:was )?required/i.test(message))
    return 'user-not-verified'
  if (/RP ID/i.test(message)) return 'wrong-relying-party'
  return 'malformed'
}

/** Certificates of the attestation statement (`x5c`), leaf first; empty where it has none. */
function chainOf(
  { decodeAttestationObject }: Library,
  attestationObject: Uint8Array<ArrayBuffer>,
): readonly X509Certificate[] {
  const chain: unknown = decodeAttestationObject(attestationObject).get('attStmt').get('x5c')
  if (!Array.isArray(chain) || chain.length > CHAIN_MAX) return []
  return chain.filter((der) => der instanceof Uint8Array).map((der) => new X509Certificate(der))
}

/** Each certificate signed by the next, the last by a root or a root itself. The statement was verified under the first. */
function leadsToRoot(chain: readonly X509Certificate[], roots: readonly string[]): boolean {
  const trusted = roots.map((pem) => new X509Certificate(pem))
  for (const [at, certificate] of chain.entries()) {
    const isTrusted = trusted.some(
      (root) =>
        root.fingerprint256 === certificate.fingerprint256 ||
        (certificate.checkIssued(root) && certificate.verify(root.publicKey)),
    )
    if (isTrusted) return true
    const next = chain[at + 1]
    if (next === undefined || !next.ca || !certificate.checkIssued(next) || !certificate.verify(next.publicKey))
      return false
  }
  return false
}
