/**
 * Key-encryption keys that a token keeps: made there, never out of it. `kek-….json` names them and holds nothing secret; the
 * ring's root goes to the token to be encrypted and decrypted, with its context as additional data.
 *
 * What is wrapped begins with a byte for the algorithm and the key's id. AES-256-GCM (CKM_AES_GCM): nonce, ciphertext, tag.
 * RSA-OAEP, where the token has no GCM: a fresh AES key to the public key, and the bytes sealed by that; who can read the
 * public key can make such a blob, though not read one, so GCM is taken wherever it can be had.
 */

import { createPublicKey, constants, publicEncrypt } from 'node:crypto'
import type { Timestamp } from '@holdfast/base'
import {
  formatKek,
  homeFileOf,
  type HomeDescription,
  type HomeOpening,
  type KekForm,
  type KeyEnvironment,
  KeyError,
  type KeyFolder,
  type KeyHome,
  type KeyHomeKind,
  openBytes,
  parseKek,
  readKekFile,
  removeFile,
  replaceFile,
  sealBytes,
  textMember,
  timeMember,
} from '@holdfast/keys'
import type { WrappingAlgorithm } from './messages.ts'
import { TokenProcess } from './token-process.ts'

interface TokenKey {
  /** Eight hex digits; with the home's they are the key's CKA_ID. */
  readonly id: string
  readonly createdTime: Timestamp
  readonly algorithm: WrappingAlgorithm
}

const FORM: KekForm<TokenKey> = {
  format: 'holdfast-pkcs11-kek',
  version: 1,
  id: /^pkcs11:[0-9a-f]{16}$/,
  members: [],
  key: (key) => ({
    id: textMember(key, 'id', /^[0-9a-f]{8}$/),
    createdTime: timeMember(key, 'createdTime'),
    algorithm: textMember(key, 'algorithm', /^(aes-gcm|rsa-oaep)$/) === 'aes-gcm' ? 'aes-gcm' : 'rsa-oaep',
  }),
}

const KEY_ID_BYTES = 4
const HEADER_BYTES = 1 + KEY_ID_BYTES
const NONCE_BYTES = 12
const RSA_BYTES = 256
const ALGORITHM_BYTES: Readonly<Record<WrappingAlgorithm, number>> = { 'aes-gcm': 1, 'rsa-oaep': 2 }
const LABEL_DEFAULT = 'holdfast'

export interface TokenHomesParts {
  readonly folder: KeyFolder
  readonly environment: KeyEnvironment
  /** The PIN, when nobody hands it over. */
  readonly pin: (home: HomeDescription) => Promise<Uint8Array>
  /** Takes RSA also where the token has GCM. */
  readonly algorithm?: WrappingAlgorithm
}

/** Homes whose settings are `module` (path), `token` (label), `label` (of the keys; `holdfast` unless told), `pinFile`. */
export function tokenHomes(parts: TokenHomesParts): KeyHomeKind {
  const { folder } = parts
  return {
    async open(description, opening) {
      const process = processOf(parts, description, opening.secret)
      try {
        const home = new TokenHome(parts, description, process)
        await home.open(opening)
        return home
      } catch (error) {
        await process.close()
        throw error
      }
    },
    async destroy(description) {
      const process = processOf(parts, description, undefined)
      try {
        const { ids = [] } = await process.request({ op: 'list-wrapping-keys', prefix: prefixOf(description.id) })
        for (const id of ids) await process.request({ op: 'destroy', id })
      } finally {
        await process.close()
      }
      await removeFile(folder, homeFileOf(description.id))
    },
    matches: ({ settings: has }, { settings: wants }) =>
      has.module === wants.module &&
      has.token === wants.token &&
      (has.label ?? LABEL_DEFAULT) === (wants.label ?? LABEL_DEFAULT),
  }
}

/** The process for the token of a home; also for signing keys in it. @throws KeyError `damaged` where settings lack. */
export function processOf(
  { environment, pin }: Pick<TokenHomesParts, 'environment' | 'pin'>,
  description: HomeDescription,
  secret: Uint8Array | undefined,
): TokenProcess {
  const { module, token } = description.settings
  if (module === undefined || token === undefined) {
    throw new KeyError('damaged', `the settings of ${description.id} lack the module or the token`)
  }
  const given = secret?.slice()
  return new TokenProcess({
    module,
    token,
    pin: () => (given === undefined ? pin(description) : Promise.resolve(given)),
    now: () => environment.clock.monotonic(),
  })
}

class TokenHome implements KeyHome {
  readonly kind = 'pkcs11'
  readonly id: string
  readonly #parts: TokenHomesParts
  readonly #label: string
  readonly #process: TokenProcess
  /** Oldest first; the last one wraps. */
  #keys: readonly TokenKey[] = []

  constructor(parts: TokenHomesParts, { id, settings }: HomeDescription, process: TokenProcess) {
    this.id = id
    this.#parts = parts
    this.#label = settings.label ?? LABEL_DEFAULT
    this.#process = process
  }

  async open({ mayCreate }: HomeOpening): Promise<void> {
    const { folder } = this.#parts
    const file = `${folder.path}/${homeFileOf(this.id)}`
    const found = await readKekFile(folder, homeFileOf(this.id))
    if (found === undefined) {
      if (!mayCreate)
        throw new KeyError(
          'missing',
          `${file}: it is not there, and names the keys in the token; put it back from a backup`,
        )
      await this.#sweep()
      await this.#write([await this.#make()])
      return
    }
    const { id, keys } = parseKek(found, file, FORM)
    if (id !== this.id) throw new KeyError('foreign', `${file}: it is ${id}, and not ${this.id}`)
    this.#keys = keys
    await this.#sweep()
  }

  get isRotating(): boolean {
    return this.#keys.length > 1
  }

  get createdTime(): Timestamp {
    return this.#current().createdTime
  }

  async wrap(bytes: Uint8Array, context: string): Promise<Uint8Array> {
    const key = this.#current()
    const body =
      key.algorithm === 'aes-gcm'
        ? await this.#wrapByAes(key, bytes, context)
        : await this.#wrapByRsa(key, bytes, context)
    const header = Buffer.from([ALGORITHM_BYTES[key.algorithm], ...Buffer.from(key.id, 'hex')])
    return new Uint8Array(Buffer.concat([header, body]))
  }

  async unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array> {
    const id = Buffer.from(wrapped.subarray(1, HEADER_BYTES)).toString('hex')
    const key = this.#keys.find((candidate) => candidate.id === id)
    if (key === undefined || wrapped[0] !== ALGORITHM_BYTES[key.algorithm]) {
      throw new KeyError(
        'damaged',
        `the ring was not wrapped by a key of ${this.id}; put back the whole keys folder from one backup`,
      )
    }
    const body = wrapped.subarray(HEADER_BYTES)
    return key.algorithm === 'aes-gcm' ? this.#unwrapByAes(key, body, context) : this.#unwrapByRsa(key, body, context)
  }

  async beginRotation(): Promise<void> {
    if (!this.isRotating) await this.#write([...this.#keys, await this.#make()])
  }

  /** The old key goes first: what the file does not name any more could not be found again. */
  async endRotation(): Promise<void> {
    for (const key of this.#keys.slice(0, -1)) await this.#process.request({ op: 'destroy', id: this.#tokenId(key) })
    if (this.isRotating) await this.#write([this.#current()])
  }

  close(): Promise<void> {
    return this.#process.close()
  }

  toJSON(): string {
    return `[key-encryption keys of ${this.id}]`
  }

  async #make(): Promise<TokenKey> {
    const { environment, algorithm: wanted } = this.#parts
    const key = {
      id: Buffer.from(environment.random(KEY_ID_BYTES)).toString('hex'),
      createdTime: environment.clock.wall(),
    }
    const label = `${this.#label} kek ${key.id}`
    const request = { op: 'make-wrapping-key', id: this.#tokenId(key), label, algorithm: wanted ?? 'any' } as const
    const { algorithm } = await this.#process.request(request)
    if (algorithm === undefined) throw new KeyError('unavailable', 'the token made a key of no algorithm that is known')
    return { ...key, algorithm }
  }

  /** What a crash left in the token, and the file does not name: nothing is wrapped by it. */
  async #sweep(): Promise<void> {
    const { ids = [] } = await this.#process.request({ op: 'list-wrapping-keys', prefix: prefixOf(this.id) })
    const named = new Set(this.#keys.map((key) => this.#tokenId(key)))
    for (const id of ids) if (!named.has(id)) await this.#process.request({ op: 'destroy', id })
  }

  async #wrapByAes(key: TokenKey, bytes: Uint8Array, context: string): Promise<Buffer> {
    const nonce = Buffer.from(this.#parts.environment.random(NONCE_BYTES))
    const asked = { id: this.#tokenId(key), nonce: base64(nonce), aad: base64(this.#associated(key, context)) }
    const { data } = await this.#process.request({ op: 'encrypt', ...asked, data: base64(bytes) })
    return Buffer.concat([nonce, Buffer.from(data ?? '', 'base64')])
  }

  async #unwrapByAes(key: TokenKey, body: Uint8Array, context: string): Promise<Uint8Array> {
    if (body.length <= NONCE_BYTES) throw new KeyError('damaged', 'what the token should unwrap is cut off')
    const asked = {
      id: this.#tokenId(key),
      nonce: base64(body.subarray(0, NONCE_BYTES)),
      aad: base64(this.#associated(key, context)),
    }
    const { data } = await this.#process.request({ op: 'decrypt', ...asked, data: base64(body.subarray(NONCE_BYTES)) })
    return new Uint8Array(Buffer.from(data ?? '', 'base64'))
  }

  async #wrapByRsa(key: TokenKey, bytes: Uint8Array, context: string): Promise<Buffer> {
    const { data } = await this.#process.request({ op: 'public-key', id: this.#tokenId(key) })
    const jwk = { kty: 'RSA', n: Buffer.from(data ?? '', 'base64').toString('base64url'), e: 'AQAB' }
    const inner = Buffer.from(this.#parts.environment.random(32))
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const sealedKey = publicEncrypt(
      { key: createPublicKey({ key: jwk, format: 'jwk' }), padding, oaepHash: 'sha1' },
      inner,
    )
    const associated = this.#associated(key, context).toString('utf8')
    const sealed = sealBytes(inner, bytes, associated, this.#parts.environment.random)
    inner.fill(0)
    return Buffer.concat([sealedKey, sealed])
  }

  async #unwrapByRsa(key: TokenKey, body: Uint8Array, context: string): Promise<Uint8Array> {
    if (body.length <= RSA_BYTES) throw new KeyError('damaged', 'what the token should unwrap is cut off')
    const asked = { id: this.#tokenId(key), nonce: '', aad: '', data: base64(body.subarray(0, RSA_BYTES)) }
    const { data } = await this.#process.request({ op: 'decrypt', ...asked })
    const inner = Buffer.from(data ?? '', 'base64')
    const plain =
      inner.length === 32
        ? openBytes(inner, body.subarray(RSA_BYTES), this.#associated(key, context).toString('utf8'))
        : undefined
    inner.fill(0)
    if (plain === undefined) throw new KeyError('damaged', 'what the token unwrapped does not verify')
    return plain
  }

  #associated(key: TokenKey, context: string): Buffer {
    return Buffer.from(`holdfast kek 1|${this.id}|${key.id}|${context}`, 'utf8')
  }

  #current(): TokenKey {
    const key = this.#keys.at(-1)
    if (key === undefined) throw new TypeError('a home that is open has a key')
    return key
  }

  #tokenId({ id }: { readonly id: string }): string {
    return prefixOf(this.id) + id
  }

  async #write(keys: readonly TokenKey[]): Promise<void> {
    const { folder } = this.#parts
    const name = homeFileOf(this.id)
    try {
      await replaceFile(folder, name, formatKek({ format: FORM.format, version: FORM.version, id: this.id, keys }))
    } catch (cause) {
      throw new KeyError('unavailable', `${folder.path}/${name} could not be written`, cause)
    }
    this.#keys = keys
  }
}

function prefixOf(id: string): string {
  return id.slice('pkcs11:'.length)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
