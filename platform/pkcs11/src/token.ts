/**
 * A token by its PKCS#11 module (OASIS PKCS #11 v2.40), as the process that holds it sees it. Keys are made in the token,
 * never leave it, and are refused where they could.
 */

import type * as Pkcs11 from 'pkcs11js'
import { OBJECTS_MAX } from './limits.ts'
import type { TokenFault, WrappingAlgorithm } from './messages.ts'
import type { Native } from './native.ts'

export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly fault: TokenFault

  constructor(fault: TokenFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}

const GCM_TAG_BITS = 128
const GCM_TAG_BYTES = 16
const RSA_BITS = 2_048
/** DER of the object identifier of P-256 (RFC 5480 §2.1.1.1). */
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')

export class Token {
  readonly #native: Native
  readonly #module: Pkcs11.PKCS11
  readonly #session: Pkcs11.Handle
  readonly #mechanisms: ReadonlySet<number>

  private constructor(
    native: Native,
    opened: { readonly module: Pkcs11.PKCS11; readonly session: Pkcs11.Handle; readonly slot: Pkcs11.Handle },
  ) {
    this.#native = native
    this.#module = opened.module
    this.#session = opened.session
    this.#mechanisms = new Set(opened.module.C_GetMechanismList(opened.slot))
  }

  /** @throws TokenError. */
  static open(native: Native, where: { readonly module: string; readonly token: string; readonly pin: string }): Token {
    const module = new native.PKCS11()
    try {
      module.load(where.module)
      module.C_Initialize()
    } catch (cause) {
      throw new TokenError('unavailable', `the module ${where.module} cannot be loaded: ${wordsOf(cause)}`, cause)
    }
    const found = module.C_GetSlotList(true).filter((slot) => module.C_GetTokenInfo(slot).label.trim() === where.token)
    const [slot] = found
    if (slot === undefined || found.length > 1) {
      const what = slot === undefined ? 'no token' : `${found.length} tokens`
      throw new TokenError('unavailable', `the module ${where.module} knows ${what} labelled ${where.token}`)
    }
    const { flags } = module.C_GetTokenInfo(slot)
    // A restart that tries a wrong PIN again and again would lock the token for good.
    if ((flags & native.CKF_USER_PIN_LOCKED) !== 0) throw new TokenError('refused', 'the PIN of the token is locked')
    if ((flags & native.CKF_USER_PIN_FINAL_TRY) !== 0) {
      throw new TokenError('refused', 'the token takes one more PIN and then locks itself: log in by hand first')
    }
    const session = module.C_OpenSession(slot, native.CKF_SERIAL_SESSION | native.CKF_RW_SESSION)
    try {
      module.C_Login(session, native.CKU_USER, where.pin)
    } catch (cause) {
      const isPin = codeOf(cause, native.CKR_PIN_INCORRECT, native.CKR_PIN_LEN_RANGE, native.CKR_PIN_INVALID)
      if (isPin) throw new TokenError('refused', `the PIN is not that of the token ${where.token}`)
      throw new TokenError('unavailable', `the token ${where.token} does not log us in: ${wordsOf(cause)}`, cause)
    }
    return new Token(native, { module, session, slot })
  }

  /** Makes a key that encrypts; it lasts when this returns. */
  makeWrappingKey(id: Buffer, label: string, wanted: WrappingAlgorithm | 'any'): WrappingAlgorithm {
    const { CKM_AES_GCM } = this.#native
    const algorithm = wanted === 'any' ? (this.#mechanisms.has(CKM_AES_GCM) ? 'aes-gcm' : 'rsa-oaep') : wanted
    if (algorithm === 'aes-gcm') this.#makeAes(id, label)
    else this.#makeRsa(id, label)
    return algorithm
  }

  /** Ids of keys that encrypt, in hex, that begin with these bytes. */
  listWrappingKeys(prefix: Buffer): readonly string[] {
    const { CKA_CLASS, CKO_SECRET_KEY, CKO_PRIVATE_KEY } = this.#native
    return [CKO_SECRET_KEY, CKO_PRIVATE_KEY].flatMap((kind) =>
      this.#find([{ type: CKA_CLASS, value: kind }])
        .map((object) => this.#bytes(object, this.#native.CKA_ID))
        .filter((id) => id.subarray(0, prefix.length).equals(prefix))
        .map((id) => id.toString('hex')),
    )
  }

  encrypt(id: Buffer, what: { readonly nonce: Buffer; readonly aad: Buffer; readonly data: Buffer }): Buffer {
    const key = this.#secretKey(id)
    this.#module.C_EncryptInit(this.#session, this.#gcm(what), key)
    return this.#module.C_Encrypt(this.#session, what.data, Buffer.alloc(what.data.length + GCM_TAG_BYTES))
  }

  decrypt(id: Buffer, what: { readonly nonce: Buffer; readonly aad: Buffer; readonly data: Buffer }): Buffer {
    const { CKO_PRIVATE_KEY } = this.#native
    const rsa = this.#one(id, CKO_PRIVATE_KEY)
    try {
      if (rsa === undefined) {
        this.#module.C_DecryptInit(this.#session, this.#gcm(what), this.#secretKey(id))
      } else {
        this.#requireKept(rsa)
        this.#module.C_DecryptInit(this.#session, this.#oaep(), rsa)
      }
      return this.#module.C_Decrypt(this.#session, what.data, Buffer.alloc(what.data.length + GCM_TAG_BYTES))
    } catch (cause) {
      if (cause instanceof TokenError) throw cause
      const n = this.#native
      const codes = [n.CKR_ENCRYPTED_DATA_INVALID, n.CKR_ENCRYPTED_DATA_LEN_RANGE, n.CKR_DATA_INVALID]
      // SoftHSM says a general error where a tag does not verify.
      if (codeOf(cause, ...codes, n.CKR_GENERAL_ERROR, n.CKR_DATA_LEN_RANGE)) {
        throw new TokenError('damaged', 'what the token should decrypt does not verify', cause)
      }
      throw cause
    }
  }

  makeSigningKey(id: Buffer, label: string): void {
    const n = this.#native
    this.#module.C_GenerateKeyPair(
      this.#session,
      { mechanism: n.CKM_EC_KEY_PAIR_GEN },
      [...this.#common(id, label), { type: n.CKA_EC_PARAMS, value: P256 }, { type: n.CKA_VERIFY, value: true }],
      [
        ...this.#common(id, label),
        ...this.#kept(),
        { type: n.CKA_SIGN, value: true },
        { type: n.CKA_DECRYPT, value: false },
      ],
    )
    this.#requireKept(this.#signingKey(id))
  }

  /** @param digest 32 bytes. @returns r and s, 32 bytes each. */
  sign(id: Buffer, digest: Buffer): Buffer {
    this.#module.C_SignInit(this.#session, { mechanism: this.#native.CKM_ECDSA }, this.#signingKey(id))
    return this.#module.C_Sign(this.#session, digest, Buffer.alloc(64))
  }

  /**
   * The public half: of an EC key the point (DER of an OCTET STRING, as the token has it), of an RSA key the modulus.
   */
  publicKey(id: Buffer): Buffer {
    const n = this.#native
    const key = this.#one(id, n.CKO_PUBLIC_KEY)
    if (key === undefined)
      throw new TokenError('missing', `the token has no public key of the id ${id.toString('hex')}`)
    const isRsa = this.#number(key, n.CKA_KEY_TYPE) === n.CKK_RSA
    return this.#bytes(key, isRsa ? n.CKA_MODULUS : n.CKA_EC_POINT)
  }

  /** Destroys every object of this id; none may be there. */
  destroy(id: Buffer): void {
    for (const object of this.#find([{ type: this.#native.CKA_ID, value: id }])) {
      this.#module.C_DestroyObject(this.#session, object)
    }
  }

  /** Whether an error means that token or session are gone, so that a new process has to begin anew. */
  isLost(error: unknown): boolean {
    const n = this.#native
    return codeOf(
      error,
      n.CKR_SESSION_HANDLE_INVALID,
      n.CKR_SESSION_CLOSED,
      n.CKR_DEVICE_REMOVED,
      n.CKR_DEVICE_ERROR,
      n.CKR_TOKEN_NOT_PRESENT,
      n.CKR_USER_NOT_LOGGED_IN,
      n.CKR_CRYPTOKI_NOT_INITIALIZED,
    )
  }

  #makeAes(id: Buffer, label: string): void {
    const n = this.#native
    this.#module.C_GenerateKey(this.#session, { mechanism: n.CKM_AES_KEY_GEN }, [
      { type: n.CKA_CLASS, value: n.CKO_SECRET_KEY },
      { type: n.CKA_KEY_TYPE, value: n.CKK_AES },
      { type: n.CKA_VALUE_LEN, value: 32 },
      ...this.#common(id, label),
      ...this.#kept(),
      { type: n.CKA_ENCRYPT, value: true },
      { type: n.CKA_DECRYPT, value: true },
      // Who may only ask for encryption cannot have it wrap other keys out of the token.
      { type: n.CKA_WRAP, value: false },
      { type: n.CKA_UNWRAP, value: false },
    ])
    this.#secretKey(id)
  }

  #makeRsa(id: Buffer, label: string): void {
    const n = this.#native
    this.#module.C_GenerateKeyPair(
      this.#session,
      { mechanism: n.CKM_RSA_PKCS_KEY_PAIR_GEN },
      [
        ...this.#common(id, label),
        { type: n.CKA_MODULUS_BITS, value: RSA_BITS },
        { type: n.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
        { type: n.CKA_ENCRYPT, value: true },
      ],
      [
        ...this.#common(id, label),
        ...this.#kept(),
        { type: n.CKA_DECRYPT, value: true },
        { type: n.CKA_SIGN, value: false },
      ],
    )
    const key = this.#one(id, n.CKO_PRIVATE_KEY)
    if (key === undefined) throw new TokenError('unavailable', 'the token made a key and does not have it')
    this.#requireKept(key)
  }

  #common(id: Buffer, label: string): Pkcs11.Template {
    const n = this.#native
    return [
      { type: n.CKA_TOKEN, value: true },
      { type: n.CKA_ID, value: id },
      { type: n.CKA_LABEL, value: label },
    ]
  }

  #kept(): Pkcs11.Template {
    const n = this.#native
    return [
      { type: n.CKA_PRIVATE, value: true },
      { type: n.CKA_SENSITIVE, value: true },
      { type: n.CKA_EXTRACTABLE, value: false },
    ]
  }

  #gcm({ nonce, aad }: { readonly nonce: Buffer; readonly aad: Buffer }): Pkcs11.Mechanism {
    const type = this.#native.CK_PARAMS_AES_GCM_v240
    const parameter = { type, iv: nonce, ivBits: nonce.length * 8, aad, tagBits: GCM_TAG_BITS }
    return { mechanism: this.#native.CKM_AES_GCM, parameter }
  }

  /** SHA-1, which every token has: OAEP does not rest on collisions being hard (RFC 8017 §7.1, B.1). */
  #oaep(): Pkcs11.Mechanism {
    const n = this.#native
    const parameter = { type: n.CK_PARAMS_RSA_OAEP, hashAlg: n.CKM_SHA_1, mgf: n.CKG_MGF1_SHA1, source: 1 }
    return { mechanism: n.CKM_RSA_PKCS_OAEP, parameter }
  }

  #secretKey(id: Buffer): Pkcs11.Handle {
    const key = this.#one(id, this.#native.CKO_SECRET_KEY)
    if (key === undefined) throw new TokenError('missing', `the token has no key of the id ${id.toString('hex')}`)
    this.#requireKept(key)
    return key
  }

  #signingKey(id: Buffer): Pkcs11.Handle {
    const n = this.#native
    const key = this.#one(id, n.CKO_PRIVATE_KEY)
    if (key === undefined || this.#number(key, n.CKA_KEY_TYPE) !== n.CKK_EC) {
      throw new TokenError('missing', `the token has no signing key of the id ${id.toString('hex')}`)
    }
    this.#requireKept(key)
    return key
  }

  /** A key that was put into the token, or can be taken out of it, is worth no more than a file. */
  #requireKept(key: Pkcs11.Handle): void {
    const n = this.#native
    const isKept =
      this.#truth(key, n.CKA_SENSITIVE) &&
      !this.#truth(key, n.CKA_EXTRACTABLE) &&
      this.#truth(key, n.CKA_NEVER_EXTRACTABLE) &&
      this.#truth(key, n.CKA_LOCAL)
    if (!isKept) throw new TokenError('missing', 'the key in the token was not made there, or could be taken out of it')
  }

  #one(id: Buffer, kind: number): Pkcs11.Handle | undefined {
    const found = this.#find([
      { type: this.#native.CKA_CLASS, value: kind },
      { type: this.#native.CKA_ID, value: id },
    ])
    if (found.length > 1) throw new TokenError('missing', `the token has several keys of the id ${id.toString('hex')}`)
    return found[0]
  }

  #find(template: Pkcs11.Template): readonly Pkcs11.Handle[] {
    this.#module.C_FindObjectsInit(this.#session, template)
    try {
      return this.#module.C_FindObjects(this.#session, OBJECTS_MAX)
    } finally {
      this.#module.C_FindObjectsFinal(this.#session)
    }
  }

  #bytes(object: Pkcs11.Handle, type: number): Buffer {
    const value = this.#module.C_GetAttributeValue(this.#session, object, [{ type }])[0]?.value
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0)
  }

  #truth(object: Pkcs11.Handle, type: number): boolean {
    return this.#bytes(object, type)[0] === 1
  }

  /** CK_ULONG, in the byte order of the machine. */
  #number(object: Pkcs11.Handle, type: number): number {
    const bytes = this.#bytes(object, type)
    return bytes.length < 4 ? -1 : bytes.readUInt32LE(0)
  }
}

/** What a module says: its name for the error, never its arguments. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'it failed'
}

function codeOf(error: unknown, ...codes: readonly number[]): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'number' &&
    codes.includes(error.code)
  )
}
