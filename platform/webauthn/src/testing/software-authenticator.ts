/** An authenticator in software (WebAuthn §6), which lies where a test wants it to. ECDSA on P-256, no attestation. */

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { AssertionAnswer, RegistrationAnswer } from '@holdfast/operators'

export interface Lies {
  readonly origin?: string
  readonly relyingPartyId?: string
  readonly type?: string
  readonly challenge?: string
  readonly crossOrigin?: boolean
  readonly topOrigin?: string
  /** User present, user verified (WebAuthn §6.1). */
  readonly present?: boolean
  readonly verified?: boolean
  readonly backupEligible?: boolean
  readonly counter?: number
  /** Signs with another key. */
  readonly forged?: boolean
  readonly aaguid?: Uint8Array
}

/** By which the maker of an authenticator vouches for its model (WebAuthn §8.2, packed attestation). */
export interface Attestation {
  readonly key: KeyObject
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const sha256 = (bytes: string | Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** A text and a byte string in CBOR (RFC 8949 §3); texts are short. */
const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x60 | value.length]), Buffer.from(value)])
const bytes = (value: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0x59, value.length >> 8, value.length & 255]), value])

/** {"alg": -7, "sig": h'…', "x5c": [h'…', …]} */
function statement({ key, chain }: Attestation, data: Uint8Array, client: Uint8Array): Buffer {
  const signature = sign('sha256', Buffer.concat([data, sha256(client)]), key)
  const certificates = [Buffer.from([0x80 | chain.length]), ...chain.map(bytes)]
  return Buffer.concat([
    Buffer.from([0xa3]),
    text('alg'),
    Buffer.from([0x26]),
    text('sig'),
    bytes(signature),
    text('x5c'),
    ...certificates,
  ])
}

export class SoftwareAuthenticator {
  readonly id = randomBytes(32)
  readonly #key: KeyObject
  readonly #point: Buffer
  readonly #truth: { readonly origin: string; readonly relyingPartyId: string }

  constructor(truth: { readonly origin: string; readonly relyingPartyId: string }) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#key = privateKey
    this.#point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-64)
    this.#truth = truth
  }

  register(challenge: string, lies: Lies = {}, attestation?: Attestation): RegistrationAnswer {
    const data = Buffer.concat([
      this.#authenticatorData(lies, 0x40),
      Buffer.from(lies.aaguid ?? new Uint8Array(16)),
      Buffer.from([0, this.id.length]),
      this.id,
      this.#coseKey(),
    ])
    const client = this.#clientData('webauthn.create', challenge, lies)
    const object = [
      Buffer.from([0xa3]),
      text('fmt'),
      text(attestation === undefined ? 'none' : 'packed'),
      text('attStmt'),
      attestation === undefined ? Buffer.from([0xa0]) : statement(attestation, data, client),
      text('authData'),
      bytes(data),
    ]
    const id = base64url(this.id)
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: base64url(client),
        attestationObject: base64url(Buffer.concat(object)),
        transports: ['internal', 'teleport'],
      },
    }
  }

  use(challenge: string, lies: Lies = {}): AssertionAnswer {
    const data = this.#authenticatorData(lies, 0)
    const client = this.#clientData('webauthn.get', challenge, lies)
    const key = lies.forged === true ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : this.#key
    const id = base64url(this.id)
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: base64url(client),
        authenticatorData: base64url(data),
        signature: base64url(sign('sha256', Buffer.concat([data, sha256(client)]), key)),
      },
    }
  }

  #clientData(type: string, challenge: string, lies: Lies): Buffer {
    const { origin = this.#truth.origin, crossOrigin = false, topOrigin } = lies
    const data = { type: lies.type ?? type, challenge: lies.challenge ?? challenge, origin, crossOrigin }
    return Buffer.from(JSON.stringify({ ...data, ...(topOrigin !== undefined && { topOrigin }) }))
  }

  #authenticatorData(lies: Lies, more: number): Buffer {
    const { present = true, verified = true, backupEligible = false, counter = 1 } = lies
    const flags = (present ? 0x01 : 0) | (verified ? 0x04 : 0) | (backupEligible ? 0x08 : 0) | more
    const tail = Buffer.alloc(5)
    tail[0] = flags
    tail.writeUInt32BE(counter, 1)
    return Buffer.concat([sha256(lies.relyingPartyId ?? this.#truth.relyingPartyId), tail])
  }

  /** {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053 §7.1.1). */
  #coseKey(): Buffer {
    return Buffer.concat([
      Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]),
      this.#point.subarray(0, 32),
      Buffer.from([0x22, 0x58, 0x20]),
      this.#point.subarray(32),
    ])
  }
}
