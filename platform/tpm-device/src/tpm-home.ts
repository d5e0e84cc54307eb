/**
 * Key-encryption keys that this machine's TPM opens: random, sealed under its storage hierarchy, in a file of the keys
 * folder. A copy of the data folder on another machine opens nothing. Once open, the key is used in this process's memory.
 */

import type { Timestamp } from '@holdfast/base'
import {
  bytesMember,
  type EncryptionKey,
  formatBytes,
  formatKek,
  HeldKeys,
  type HomeDescription,
  type HomeOpening,
  homeFileOf,
  type KekForm,
  type KeyEnvironment,
  KeyError,
  type KeyFolder,
  type KeyHome,
  type KeyHomeKind,
  newEncryptionKey,
  parseKek,
  readKekFile,
  removeFile,
  replaceFile,
  textMember,
  timeMember,
} from '@holdfast/keys'
import { TpmError, TpmRefusal } from '@holdfast/tpm'
import { TpmDeviceError } from './errors.ts'
import { type SealedKey, sealKey, unsealKey } from './sealed-key.ts'
import { type TpmAddress, TpmTransport } from './transport.ts'

const DEVICE_DEFAULT = '/dev/tpmrm0'
/** Bytes of a sealed object's areas; the standard bounds both below this. */
const AREA_BYTES_MAX = 1_024

interface KeptKey extends SealedKey {
  readonly id: string
  readonly createdTime: Timestamp
}

const FORM: KekForm<KeptKey> = {
  format: 'holdfast-tpm-kek',
  version: 1,
  id: /^tpm:[0-9a-f]{16}$/,
  members: [],
  key: (key) => ({
    id: textMember(key, 'id', /^[0-9a-f]{8}$/),
    createdTime: timeMember(key, 'createdTime'),
    publicArea: bytesMember(key, 'public', 1, AREA_BYTES_MAX),
    privateArea: bytesMember(key, 'private', 1, AREA_BYTES_MAX),
  }),
}

export interface TpmHomesParts {
  readonly folder: KeyFolder
  readonly environment: KeyEnvironment
}

/** Homes whose settings are `tpm` (`/dev/tpmrm0` unless told; `HOST:PORT`, `unix:PATH`) and `pcrs` (`0,2,7`; none unless told). */
export function tpmHomes(parts: TpmHomesParts): KeyHomeKind {
  return {
    open: (description, opening) => openHome(parts, description, opening),
    // What the TPM sealed is in the file alone; the TPM itself holds nothing of it.
    destroy: ({ id }) => removeFile(parts.folder, homeFileOf(id)),
    matches: ({ settings: has }, { settings: wants }) =>
      (has.tpm ?? DEVICE_DEFAULT) === (wants.tpm ?? DEVICE_DEFAULT) && (has.pcrs ?? '') === (wants.pcrs ?? ''),
  }
}

async function openHome(
  { folder, environment }: TpmHomesParts,
  { id, settings }: HomeDescription,
  { mayCreate }: HomeOpening,
): Promise<KeyHome> {
  const name = homeFileOf(id)
  const file = `${folder.path}/${name}`
  const sealing = { pcrs: pcrsOf(settings.pcrs), random: environment.random }
  const address = addressOf(settings.tpm ?? DEVICE_DEFAULT)
  /** What was sealed already is kept as it is: new registers are for new keys. */
  const sealed = new Map<string, SealedKey>()
  const save = async (keys: readonly EncryptionKey[], erase: boolean): Promise<void> => {
    const fresh = keys.filter((key) => !sealed.has(key.id))
    if (fresh.length > 0) {
      await withTpm(address, async (tpm) => {
        for (const key of fresh) {
          const made = await sealKey(tpm, key.bytes, sealing)
          // What does not open again must not wrap anything.
          const opened = await unsealKey(tpm, made, sealing)
          if (!Buffer.from(opened).equals(key.bytes))
            throw new KeyError('unavailable', 'the TPM seals what it does not open')
          opened.fill(0)
          sealed.set(key.id, made)
        }
      })
    }
    const kept = keys.map((key) => {
      const made = sealed.get(key.id)
      if (made === undefined) throw new TypeError('every key was sealed')
      const areas = { public: formatBytes(made.publicArea), private: formatBytes(made.privateArea) }
      return { id: key.id, createdTime: key.createdTime, ...areas }
    })
    try {
      await replaceFile(folder, name, formatKek({ format: FORM.format, version: FORM.version, id, keys: kept }), erase)
    } catch (cause) {
      throw new KeyError('unavailable', `${file} could not be written`, cause)
    }
  }
  const parts = { homeId: id, file, folder: folder.path, ...environment, save }
  const found = await readKekFile(folder, name)
  if (found === undefined) {
    if (!mayCreate)
      throw new KeyError(
        'missing',
        `${file}: it is not there, and there is data that only it opens; put it back from a backup`,
      )
    const held = new HeldKeys(parts, [newEncryptionKey(environment)])
    await held.save()
    return new TpmHome(id, held)
  }
  const content = parseKek(found, file, FORM)
  if (content.id !== id) throw new KeyError('foreign', `${file}: it is ${content.id}, and not ${id}`)
  const keys = await withTpm(address, async (tpm) => {
    const opened: EncryptionKey[] = []
    for (const key of content.keys) {
      sealed.set(key.id, key)
      opened.push({ id: key.id, createdTime: key.createdTime, bytes: await unsealKey(tpm, key, sealing) })
    }
    return opened
  })
  if (keys.some(({ bytes }) => bytes.length !== 32))
    throw new KeyError('damaged', `${file}: what the TPM unsealed is no key`)
  return new TpmHome(id, new HeldKeys(parts, keys))
}

class TpmHome implements KeyHome {
  readonly kind = 'tpm'
  readonly id: string
  readonly #held: HeldKeys

  constructor(id: string, held: HeldKeys) {
    this.id = id
    this.#held = held
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
  }

  toJSON(): string {
    return `[key-encryption keys of ${this.id}]`
  }
}

/** Open for as long as it is needed: others need the TPM too. */
async function withTpm<T>(address: TpmAddress, use: (tpm: TpmTransport) => Promise<T>): Promise<T> {
  try {
    const tpm = await TpmTransport.open(address)
    try {
      return await use(tpm)
    } finally {
      await tpm.close()
    }
  } catch (cause) {
    throw explained(cause)
  }
}

function explained(cause: unknown): unknown {
  if (cause instanceof TpmRefusal) {
    if (cause.reason === 'POLICY_FAIL' || cause.reason === 'PCR_CHANGED') {
      const advice = 'boot what was booted then; or put back the keys folder from a backup under another provider'
      return new KeyError(
        'refused',
        `the TPM does not open the key: what was booted is not what it was sealed for; ${advice}`,
        cause,
      )
    }
    if (cause.reason === 'INTEGRITY' || cause.reason === 'HANDLE' || cause.reason === 'TAG') {
      return new KeyError(
        'refused',
        'the TPM does not know the key: it was sealed by another TPM, or its owner was cleared since',
        cause,
      )
    }
    return new KeyError('unavailable', cause.message, cause)
  }
  if (cause instanceof TpmError)
    return new KeyError('damaged', `the TPM or the key file speaks nonsense: ${cause.message}`, cause)
  if (cause instanceof TpmDeviceError)
    return new KeyError('unavailable', `the TPM cannot be had: ${cause.message}`, cause)
  return cause
}

function addressOf(text: string): TpmAddress {
  if (text.startsWith('unix:')) return { kind: 'unix', path: text.slice('unix:'.length) }
  const [, host, port] = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})$/.exec(text) ?? []
  if (host !== undefined && port !== undefined)
    return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  return { kind: 'device', path: text }
}

function pcrsOf(text: string | undefined): readonly number[] {
  if (text === undefined || text === '') return []
  const pcrs = text.split(',').map(Number)
  if (!/^\d{1,2}(,\d{1,2})*$/.test(text) || pcrs.some((pcr) => pcr > 23)) {
    throw new KeyError('damaged', `'${text}' is no list of registers from 0 to 23`)
  }
  return [...new Set(pcrs)].toSorted((a, b) => a - b)
}
