/**
 * Key-encryption keys that a passphrase opens: random, sealed under what Argon2id makes of the passphrase, in a file of
 * the keys folder. Without the passphrase the data folder, or any copy of it, opens nothing. The passphrase's key stays in
 * memory while the home is open, so that the key-encryption key can be rotated without asking again.
 */

import type { Timestamp } from '@holdfast/base'
import { openBytes, sealBytes } from './aead.ts'
import * as document from './document.ts'
import type { KeyEnvironment } from './environment.ts'
import { fileError, KeyError } from './errors.ts'
import { type KeyFolder, removeFile, replaceFile } from './folder.ts'
import { type EncryptionKey, HeldKeys, newEncryptionKey } from './held-keys.ts'
import { type HomeDescription, homeFileOf, type KeyHome, type KeyHomeKind } from './home.ts'
import { formatKek, type KekDocument, type KekForm, parseKek } from './kek-document.ts'
import { KEK_BYTES_MAX, KEY_BYTES, PASSPHRASE_BYTES_MIN, SECRET_BYTES_MAX } from './limits.ts'
import { ARGON2_COST, type Argon2Cost, derivePassphraseKey, parseCost, SALT_BYTES } from './passphrase-seal.ts'
import { whileReading } from './reading.ts'

interface SealedKey {
  readonly id: string
  readonly createdTime: Timestamp
  readonly sealed: Uint8Array
}

const FORM: KekForm<SealedKey> = {
  format: 'holdfast-passphrase-kek',
  version: 1,
  id: /^passphrase:[0-9a-f]{16}$/,
  members: ['argon2id', 'salt'],
  key: (key) => {
    document.requireNames(key, ['id', 'createdTime', 'sealed'])
    return {
      id: document.textOf(key.id, 'key id', /^[0-9a-f]{8}$/),
      createdTime: document.timeOf(key.createdTime, 'createdTime'),
      sealed: document.bytesOf(key.sealed, 'sealed', KEY_BYTES + 28, KEY_BYTES + 28),
    }
  },
}

/** Where the passphrase comes from when nobody hands it over; the receiver zeroes it. @throws KeyError `secret-missing`. */
export type SecretSource = (description: HomeDescription) => Promise<Uint8Array>

export interface PassphraseHomesParts {
  readonly folder: KeyFolder
  readonly environment: KeyEnvironment
  readonly secret: SecretSource
  /** For tests, whose hundreds of homes guard nothing. */
  readonly cost?: Argon2Cost
}

export function passphraseHomes(parts: PassphraseHomesParts): KeyHomeKind {
  const { folder } = parts
  return {
    async open(description, { mayCreate, secret }) {
      const passphrase = secret?.slice() ?? (await parts.secret(description))
      try {
        return await openHome(parts, { description, mayCreate, passphrase })
      } finally {
        passphrase.fill(0)
      }
    },
    destroy: ({ id }) => removeFile(folder, homeFileOf(id)),
    // Which passphrase it is, a wish does not say; a new one is asked for by the operator.
    matches: () => true,
  }
}

interface Opening {
  readonly description: HomeDescription
  readonly mayCreate: boolean
  readonly passphrase: Uint8Array
}

async function openHome(parts: PassphraseHomesParts, opening: Opening): Promise<KeyHome> {
  const { folder, environment } = parts
  const { description, passphrase } = opening
  if (passphrase.length > SECRET_BYTES_MAX) {
    throw new KeyError('refused', `a passphrase has at most ${SECRET_BYTES_MAX} bytes; this seems to be another file`)
  }
  const name = homeFileOf(description.id)
  const file = `${folder.path}/${name}`
  const found = await whileReading(file, () => folder.read(name, KEK_BYTES_MAX))
  if (found !== undefined) return openSealed(parts, opening, parseKek(found, file, FORM))
  if (!opening.mayCreate) {
    throw fileError('missing', {
      file,
      what: 'the key-encryption key is not there, and there is data that only it opens',
      remedy: `put back ${name} from a backup`,
    })
  }
  if (passphrase.length < PASSPHRASE_BYTES_MIN) {
    const advice = 'whoever has a copy of the data may guess as often as they like; take several words'
    throw new KeyError('refused', `a passphrase needs at least ${PASSPHRASE_BYTES_MIN} bytes: ${advice}`)
  }
  const cost = parts.cost ?? ARGON2_COST
  const salt = environment.random(SALT_BYTES)
  const key = await derivePassphraseKey(passphrase, salt, cost)
  const keys = [newEncryptionKey(environment)]
  const home = new PassphraseHome(parts, { id: description.id, cost, salt, key }, keys)
  await home.save()
  return home
}

async function openSealed(
  parts: PassphraseHomesParts,
  { description, passphrase }: Opening,
  { id, keys, body }: KekDocument<SealedKey>,
): Promise<KeyHome> {
  const name = homeFileOf(description.id)
  const file = `${parts.folder.path}/${name}`
  if (id !== description.id) {
    const remedy = 'put back the whole keys folder from one backup'
    throw fileError('foreign', { file, what: `it is ${id}, and not ${description.id}`, remedy })
  }
  const { cost, salt } = sealOf(body, file)
  const key = await derivePassphraseKey(passphrase, salt, cost)
  const opened: EncryptionKey[] = []
  for (const { id: keyId, createdTime, sealed } of keys) {
    const bytes = openBytes(key, sealed, contextOf(id, keyId))
    if (bytes === undefined) {
      key.fill(0)
      // The check sum has matched, so the disk is not the reason.
      throw new KeyError('refused', `the passphrase is not the one that ${file} was made with`)
    }
    opened.push({ id: keyId, createdTime, bytes })
  }
  return new PassphraseHome(parts, { id, cost, salt, key }, opened)
}

function sealOf(body: document.JsonObject, file: string): { readonly cost: Argon2Cost; readonly salt: Uint8Array } {
  try {
    return { cost: parseCost(body.argon2id), salt: document.bytesOf(body.salt, 'salt', SALT_BYTES, SALT_BYTES) }
  } catch (cause) {
    if (!(cause instanceof document.DocumentError)) throw cause
    const what = `the key-encryption key file is damaged: ${cause.message}`
    throw fileError('damaged', { file, what, remedy: 'put it back from a backup' }, cause)
  }
}

interface Seal {
  readonly id: string
  readonly cost: Argon2Cost
  readonly salt: Uint8Array
  /** What Argon2id made of the passphrase. */
  readonly key: Uint8Array
}

class PassphraseHome implements KeyHome {
  readonly kind = 'passphrase'
  readonly id: string
  readonly #held: HeldKeys
  readonly #seal: Seal

  constructor({ folder, environment }: PassphraseHomesParts, seal: Seal, keys: readonly EncryptionKey[]) {
    this.id = seal.id
    this.#seal = seal
    const file = `${folder.path}/${homeFileOf(seal.id)}`
    const save = (kept: readonly EncryptionKey[], erase: boolean): Promise<void> =>
      write({ folder, environment, seal }, kept, erase)
    this.#held = new HeldKeys({ homeId: seal.id, file, folder: folder.path, ...environment, save }, keys)
  }

  save(): Promise<void> {
    return this.#held.save()
  }

  get isRotating(): boolean {
    return this.#held.isRotating
  }

  get createdTime(): Timestamp {
    return this.#held.createdTime
  }

  async wrap(bytes: Uint8Array, context: string): Promise<Uint8Array> {
    return this.#held.wrap(bytes, context)
  }

  async unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array> {
    return this.#held.unwrap(wrapped, context)
  }

  beginRotation(): Promise<void> {
    return this.#held.beginRotation()
  }

  endRotation(): Promise<void> {
    return this.#held.endRotation()
  }

  async close(): Promise<void> {
    this.#held.close()
    this.#seal.key.fill(0)
  }

  toJSON(): string {
    return `[key-encryption keys of ${this.id}]`
  }
}

async function write(
  place: { readonly folder: KeyFolder; readonly environment: KeyEnvironment; readonly seal: Seal },
  keys: readonly EncryptionKey[],
  erase: boolean,
): Promise<void> {
  const { folder, environment, seal } = place
  const { id, cost, salt } = seal
  const bytes = formatKek({
    format: FORM.format,
    version: FORM.version,
    id,
    argon2id: cost,
    salt: document.formatBytes(salt),
    keys: keys.map((key) => ({
      id: key.id,
      createdTime: key.createdTime,
      sealed: document.formatBytes(sealBytes(seal.key, key.bytes, contextOf(id, key.id), environment.random)),
    })),
  })
  const name = homeFileOf(id)
  try {
    await replaceFile(folder, name, bytes, erase)
  } catch (cause) {
    throw new KeyError('unavailable', `${folder.path}/${name} could not be written`, cause)
  }
}

function contextOf(id: string, keyId: string): string {
  return `holdfast passphrase kek 1|${id}|${keyId}`
}
