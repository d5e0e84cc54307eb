/**
 * How a person is proved. Today by a passkey; a sign-in by OpenID Connect would be a second source of the same `Proof`:
 * it would map the issuer and subject of an ID token to an operator, say with `auth_time`, `acr` and `amr` how and when
 * the person was there, and everything behind it (sessions, step-up, recovery, workstations) would stay as it is.
 */

/** Somebody proved, just now, to be there and to be this person. */
export interface Proof {
  readonly operatorId: string
  readonly method: 'passkey'
  /** Which of the person's credentials it was; a session ends with it. */
  readonly credentialId: string
}

/** What a browser gives back of `navigator.credentials.create()`, by `toJSON()` (WebAuthn §5.1). */
export interface RegistrationAnswer {
  readonly id: string
  readonly rawId: string
  readonly type: string
  readonly response: {
    readonly clientDataJSON: string
    readonly attestationObject: string
    readonly transports?: readonly string[]
  }
}

/** What a browser gives back of `navigator.credentials.get()`. */
export interface AssertionAnswer {
  readonly id: string
  readonly rawId: string
  readonly type: string
  readonly response: {
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
    readonly userHandle?: string
  }
}

/** For events and messages; to the peer a proof that fails is just that. */
export type ProofFault =
  | 'malformed'
  | 'wrong-origin'
  | 'wrong-challenge'
  | 'user-not-verified'
  | 'wrong-signature'
  | 'wrong-relying-party'
  | 'attestation-refused'

export interface NewCredential {
  readonly id: string
  /** COSE_Key, base64url. */
  readonly publicKey: string
  readonly counter: number
  readonly isBackupEligible: boolean
  readonly aaguid: string
  readonly transports: readonly string[]
  /** Whether its attestation leads to a root of the policy, so that the model of authenticator is known. */
  readonly isAttested: boolean
}

export interface UsedCredential {
  readonly counter: number
  readonly isBackupEligible: boolean
}

export type Verdict<T> = ({ readonly kind: 'good' } & T) | { readonly kind: 'bad'; readonly fault: ProofFault }

/**
 * Checks what authenticators answer. Implementers MUST require user verification, the exact origins of the hub and its
 * relying party id, the challenge given, and a good signature; they MUST refuse what was made in a frame of another
 * origin. They do not judge counters: that is done against what is stored, in the order in which it is.
 */
export interface PasskeyVerifier {
  /** Names of the relying party, for the browser. */
  readonly relyingParty: { readonly id: string; readonly name: string }
  /** What is wrong with a root (PEM) that a policy names; undefined: nothing. */
  faultOfRoot(pem: string): string | undefined
  register(answer: RegistrationAnswer, challenge: string, roots: readonly string[]): Promise<Verdict<NewCredential>>
  verify(
    answer: AssertionAnswer,
    challenge: string,
    passkey: { readonly id: string; readonly publicKey: string },
  ): Promise<Verdict<UsedCredential>>
}
