/**
 * One line of a manufacturing manifest, strictly read. A manifest is a file of JSON lines (UTF-8): a head, then one
 * device a line. `docs/device-life.md` shows it.
 */

import { createHash } from 'node:crypto'
import { isHardwareRevision, isModelName } from '@holdfast/models'
import { decodeCertificateInput, decodePem, parseCertificate, PkiError, readPublicKey } from '@holdfast/pki'
import {
  ENDORSEMENT_KEY_BYTES_MAX,
  MANIFEST_LINES_MAX,
  MANIFEST_NAME_CHARACTERS_MAX,
  SERIAL_CHARACTERS_MAX,
} from './limits.ts'

export const KEY_STORAGES = ['software', 'secure-element', 'tpm'] as const
/** Where the private key lies, as the manufacturer vouches. */
export type KeyStorage = (typeof KEY_STORAGES)[number]

/** What the device will prove itself by. */
export interface EntryKey {
  readonly kind: 'public-key' | 'certificate' | 'endorsement-key'
  /** SHA-256 of the SubjectPublicKeyInfo, or of the endorsement key's public area; upper-case hex. */
  readonly digest: string
  /** DER of SubjectPublicKeyInfo or of the certificate; of an endorsement key its TPMT_PUBLIC. */
  readonly bytes: Uint8Array
}

export interface ManifestHead {
  /** Name of the manifest, for people. */
  readonly name: string
  readonly manufacturer: string
  /** Devices that follow. */
  readonly entries: number
}

export interface ManifestEntry {
  readonly serial: string
  readonly model: string
  readonly hardwareRevision: string
  readonly key: EntryKey
  readonly keyStorage: KeyStorage
  /** SHA-256 of the claim code, upper-case hex. Not kept as it is; see `claim-code.ts`. */
  readonly codeSha256?: string
}

/** A line that is not what it must be: where in it, and what is wrong. */
export interface LineFault {
  readonly kind: 'malformed'
  /** The member, or '' for the line as a whole. */
  readonly member: string
  readonly message: string
}

const SERIAL = new RegExp(`^[\\x21-\\x7e]{1,${SERIAL_CHARACTERS_MAX}}$`)
const NAME = new RegExp(`^[\\x20-\\x7e]{1,${MANIFEST_NAME_CHARACTERS_MAX}}$`)
const SHA256 = /^[0-9A-F]{64}$/
const MEMBERS: ReadonlySet<string> = new Set([
  'serial',
  'model',
  'hardwareRevision',
  'publicKey',
  'certificate',
  'endorsementKey',
  'keyStorage',
  'claimCodeSha256',
])
const KEY_MEMBERS = ['publicKey', 'certificate', 'endorsementKey'] as const

/** The first line: `{"manifest":"batch-17","manufacturer":"acme","entries":3}`. */
export function readManifestHead(line: string): ManifestHead | LineFault {
  const members = membersOf(line)
  if (members === undefined) return fault('', 'is not a JSON object')
  const unknown = [...members.keys()].find((name) => !['manifest', 'manufacturer', 'entries'].includes(name))
  if (unknown !== undefined) return fault(short(unknown), 'is not known')
  const [name, manufacturer, entries] = ['manifest', 'manufacturer', 'entries'].map((member) => members.get(member))
  if (typeof name !== 'string' || !NAME.test(name)) return fault('manifest', 'is a name of at most 128 characters')
  if (typeof manufacturer !== 'string' || !isModelName(manufacturer)) return fault('manufacturer', 'is no name')
  if (typeof entries !== 'number' || !Number.isInteger(entries) || entries < 0 || entries > MANIFEST_LINES_MAX) {
    return fault('entries', `is a whole number up to ${MANIFEST_LINES_MAX}`)
  }
  return { name, manufacturer, entries }
}

/** @param line without its line break. Never throws, whatever the line holds. */
export function readManifestEntry(line: string): ManifestEntry | LineFault {
  const members = membersOf(line)
  if (members === undefined) return fault('', 'is not a JSON object')
  for (const name of members.keys()) if (!MEMBERS.has(name)) return fault(short(name), 'is not known')
  const serial = members.get('serial')
  if (typeof serial !== 'string' || !SERIAL.test(serial)) {
    return fault('serial', `is 1 to ${SERIAL_CHARACTERS_MAX} characters without blanks`)
  }
  const model = members.get('model')
  if (typeof model !== 'string' || !isModelName(model)) return fault('model', 'is no id of a model')
  const hardwareRevision = members.get('hardwareRevision')
  if (typeof hardwareRevision !== 'string' || !isHardwareRevision(hardwareRevision)) {
    return fault('hardwareRevision', 'is a text without blanks')
  }
  const key = keyFrom(members)
  if ('member' in key) return key
  const keyStorage = members.get('keyStorage') ?? (key.kind === 'endorsement-key' ? 'tpm' : 'software')
  if (!isKeyStorage(keyStorage)) return fault('keyStorage', `is one of ${KEY_STORAGES.join(', ')}`)
  if (key.kind === 'endorsement-key' && keyStorage !== 'tpm')
    return fault('keyStorage', 'an endorsement key is in a TPM')
  const digest = members.get('claimCodeSha256')
  if (digest === undefined) return { serial, model, hardwareRevision, key, keyStorage }
  const codeSha256 = typeof digest === 'string' ? digest.toUpperCase() : ''
  if (!SHA256.test(codeSha256)) return fault('claimCodeSha256', 'is 64 hexadecimal digits')
  return { serial, model, hardwareRevision, key, keyStorage, codeSha256 }
}

/** Upper-case hex of the SHA-256. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').toUpperCase()
}

/**
 * An endorsement key as its public area alone, however it came: tools write TPM2B_PUBLIC, which has its length before it.
 * Undefined for what can be neither.
 */
export function publicAreaOf(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 10 || bytes.length > ENDORSEMENT_KEY_BYTES_MAX) return undefined
  const stated = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  const area = stated === bytes.length - 2 ? bytes.subarray(2) : bytes
  // TPM_ALG_RSA or TPM_ALG_ECC (TPM 2.0 Part 2, 12.2.4).
  return area[0] === 0 && (area[1] === 0x01 || area[1] === 0x23) ? area : undefined
}

function keyFrom(members: ReadonlyMap<string, unknown>): EntryKey | LineFault {
  const given = KEY_MEMBERS.filter((name) => members.has(name))
  const [member, ...more] = given
  if (member === undefined || more.length > 0) {
    return fault(more[0] ?? 'publicKey', 'exactly one of publicKey, certificate and endorsementKey is there')
  }
  const text = members.get(member)
  if (typeof text !== 'string' || text === '') return fault(member, 'is a text')
  try {
    if (member === 'certificate') {
      const certificate = parseCertificate(decodeCertificateInput(text))
      // Its key is looked at here, so that a weak one is known now and not when the device first comes.
      certificate.publicKey()
      return { kind: 'certificate', digest: digestOf(certificate.spki), bytes: certificate.der }
    }
    if (member === 'endorsementKey') {
      const bytes = base64Of(text)
      const area = bytes && publicAreaOf(bytes)
      if (area === undefined) return fault(member, 'is no base64 of TPM2B_PUBLIC or TPMT_PUBLIC')
      return { kind: 'endorsement-key', digest: digestOf(area), bytes: area }
    }
    const spki = text.includes('-----BEGIN') ? singleOf(decodePem('PUBLIC KEY', text)) : base64Of(text)
    if (spki === undefined) return fault(member, 'is neither PEM nor base64 of a SubjectPublicKeyInfo')
    readPublicKey(spki)
    return { kind: 'public-key', digest: digestOf(spki), bytes: spki }
  } catch (error) {
    if (error instanceof PkiError) return fault(member, `${error.message} (${error.code})`)
    throw error
  }
}

/** Canonical base64, or undefined; in an array of its own. */
function base64Of(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length > 0 && bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined
}

function singleOf(blocks: readonly Uint8Array[]): Uint8Array | undefined {
  return blocks.length === 1 ? blocks[0] : undefined
}

function membersOf(line: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return new Map(Object.entries(value))
  } catch {
    return undefined
  }
}

function isKeyStorage(value: unknown): value is KeyStorage {
  return KEY_STORAGES.some((one) => one === value)
}

/** A name from the file, for the report: short, and nothing that a terminal would obey. */
function short(name: string): string {
  return name.slice(0, 64).replace(/[^\x21-\x7e]/g, '?')
}

function fault(member: string, message: string): LineFault {
  return { kind: 'malformed', member, message }
}
