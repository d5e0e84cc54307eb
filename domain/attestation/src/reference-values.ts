/**
 * Reference values: a document in JSON in which whoever releases a device's firmware says what a good boot measures, signed
 * over its bytes as they are, so that any tool can make and check the signature:
 *
 *   openssl pkeyutl -sign -rawin -inkey release.key -in values.json -out values.json.sig      (Ed25519)
 *   openssl dgst -sha256 -sign release.key -out values.json.sig values.json                    (ECDSA)
 */

import { createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { HASH_BYTES } from '@holdfast/tpm'
import { AttestationError } from './errors.ts'
import { digestsOf, type FaultSink, itemsOf, membersOf, textOf } from './json-members.ts'
import {
  ALTERNATIVES_MAX,
  DENIED_MAX,
  DOCUMENT_BYTES_MAX,
  EVENTS_MAX,
  MODELS_MAX,
  TEXT_CHARACTERS_MAX,
} from './limits.ts'
import { type Bank, BANKS } from './policy.ts'

/** An event that a boot measures at its place among those of its PCR. Digests are in hexadecimal, lower case. */
export interface ReferenceEvent {
  readonly pcr: number
  /** What may be measured here, by bank. */
  readonly digests: ReadonlyMap<Bank, ReadonlySet<string>>
  /** It may be absent. */
  readonly isOptional: boolean
  readonly description?: string
}

export interface ReferenceValues {
  /** `A-Z a-z 0-9 . _ -`, at most 128: documents of one name follow each other. */
  readonly name: string
  /** From 1; a document replaces those of lower serials and never one of a higher. */
  readonly serial: number
  readonly description?: string
  /** Models whose devices it is about; of every model where absent. */
  readonly models?: ReadonlySet<string>
  /** When it stops counting, in milliseconds since 1970; never where absent. */
  readonly notAfter?: number
  /** Values that a PCR may have in the end, by bank and PCR. */
  readonly pcrs: ReadonlyMap<Bank, ReadonlyMap<number, ReadonlySet<string>>>
  /** In order, by PCR. A PCR that stands here is judged event by event. */
  readonly events: ReadonlyMap<number, readonly ReferenceEvent[]>
  /** Digests that no good boot measures, whatever other documents say, and why. */
  readonly denied: ReadonlyMap<string, string>
  /** Firmware versions of the TPM that are good, 16 hexadecimal digits; any where empty. */
  readonly tpmFirmware: ReadonlySet<string>
}

const MEMBERS = [
  'format',
  'name',
  'serial',
  'description',
  'models',
  'notAfter',
  'pcrs',
  'events',
  'denied',
  'tpmFirmware',
]
export const REFERENCE_FORMAT = 'holdfast-reference-values/1'
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Whether the text can name reference values or who signs them. */
export function isReferenceName(text: string): boolean {
  return NAME.test(text)
}

/**
 * A key that signs documents: Ed25519, or ECDSA over P-256, P-384 or P-521.
 * @param pem SubjectPublicKeyInfo.
 * @throws AttestationError `invalid`.
 */
export function readSignerKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw new TypeError('no public key')
    key = createPublicKey({ key: pem, format: 'pem' })
  } catch (cause) {
    throw new AttestationError('invalid', 'give the public key as PEM: openssl pkey -in KEY -pubout', { cause })
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? ''
  const isTaken =
    key.asymmetricKeyType === 'ed25519' ||
    (key.asymmetricKeyType === 'ec' && ['prime256v1', 'secp384r1', 'secp521r1'].includes(curve))
  if (!isTaken) throw new AttestationError('invalid', 'the key is neither Ed25519 nor ECDSA over P-256, P-384 or P-521')
  return key
}

/**
 * Verifies and reads a document.
 * @param document its bytes as they were signed.
 * @param signature Ed25519's 64 bytes, or ECDSA's DER over SHA-256.
 * @throws AttestationError `bad-signature`; `invalid` with every fault, only of what the key has signed.
 */
export function verifyReferenceValues(document: Uint8Array, signature: Uint8Array, key: KeyObject): ReferenceValues {
  if (document.length > DOCUMENT_BYTES_MAX) {
    throw new AttestationError('invalid', `a document has at most ${DOCUMENT_BYTES_MAX} bytes`)
  }
  if (!isSigned(document, signature, key)) {
    throw new AttestationError('bad-signature', 'the signature is not by this key over these bytes')
  }
  return readReferenceValues(document)
}

function isSigned(document: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', document, key, signature)
  } catch {
    // OpenSSL throws on an ECDSA signature that is no DER.
    return false
  }
}

function readReferenceValues(document: Uint8Array): ReferenceValues {
  const faults: string[] = []
  const fault: FaultSink = (path, message) => {
    if (faults.length < 32) faults.push(`${path} ${message}`)
  }
  const members = membersOf(parse(document), '', MEMBERS, fault) ?? new Map<string, unknown>()
  if (members.get('format') !== REFERENCE_FORMAT) fault('/format', `is ${REFERENCE_FORMAT}`)
  const name = members.get('name')
  if (typeof name !== 'string' || !NAME.test(name)) fault('/name', 'is 1 to 128 of A-Z a-z 0-9 . _ -')
  const serial = members.get('serial')
  if (!Number.isSafeInteger(serial) || Number(serial) < 1) fault('/serial', 'is a whole number from 1')
  const description = textOf(members.get('description'), '/description', TEXT_CHARACTERS_MAX, fault)
  const models = modelsOf(members.get('models'), fault)
  const notAfter = timeOf(members.get('notAfter'), fault)
  const pcrs = pcrsOf(members.get('pcrs'), fault)
  const events = eventsOf(members.get('events'), fault)
  const denied = deniedOf(members.get('denied'), fault)
  const firmware = members.get('tpmFirmware')
  const tpmFirmware =
    firmware === undefined
      ? new Set<string>()
      : digestsOf(firmware, '/tpmFirmware', { bytes: 8, itemsMax: ALTERNATIVES_MAX }, fault)
  if (pcrs.size === 0 && events.size === 0 && denied.size === 0) fault('', 'says nothing of any measurement')
  if (faults.length > 0) throw new AttestationError('invalid', `the document: ${faults.join('; ')}`)
  return {
    name: String(name),
    serial: Number(serial),
    ...(description === undefined ? {} : { description }),
    ...(models === undefined ? {} : { models }),
    ...(notAfter === undefined ? {} : { notAfter }),
    pcrs,
    events,
    denied,
    tpmFirmware,
  }
}

function parse(document: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(document)) as unknown
  } catch (cause) {
    throw new AttestationError('invalid', 'the document is not JSON in UTF-8', { cause })
  }
}

function modelsOf(value: unknown, fault: FaultSink): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined
  const models = itemsOf(value, '/models', MODELS_MAX, fault)
  const names = models.filter((model): model is string => typeof model === 'string' && NAME.test(model))
  if (names.length !== models.length || names.length === 0)
    fault('/models', 'is a list of names of models, at least one')
  return new Set(names)
}

function timeOf(value: unknown, fault: FaultSink): number | undefined {
  if (value === undefined) return undefined
  const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(value)
  const at = isTime ? Date.parse(value) : Number.NaN
  if (!Number.isNaN(at)) return at
  fault('/notAfter', 'is a time such as 2027-01-31T00:00:00Z')
  return undefined
}

/** `{ "sha256": { "7": ["…"] } }`. */
function pcrsOf(value: unknown, fault: FaultSink): ReferenceValues['pcrs'] {
  const banks = new Map<Bank, ReadonlyMap<number, ReadonlySet<string>>>()
  if (value === undefined) return banks
  for (const [name, of] of membersOf(value, '/pcrs', BANKS, fault) ?? []) {
    const bank = BANKS.find((one) => one === name)
    if (bank === undefined) continue
    const values = new Map<number, ReadonlySet<string>>()
    for (const [pcr, digests] of membersOf(of, `/pcrs/${bank}`, PCR_NAMES, fault) ?? []) {
      if (!PCR_NAMES.includes(pcr)) continue
      const bounds = { bytes: HASH_BYTES[bank], itemsMax: ALTERNATIVES_MAX }
      values.set(Number(pcr), digestsOf(digests, `/pcrs/${bank}/${pcr}`, bounds, fault))
    }
    banks.set(bank, values)
  }
  return banks
}

const PCR_NAMES: readonly string[] = Array.from({ length: 24 }, (_, pcr) => String(pcr))

/** `[{ "pcr": 4, "digests": { "sha256": ["…"] }, "optional": false, "description": "…" }]`. */
function eventsOf(value: unknown, fault: FaultSink): ReferenceValues['events'] {
  const events = new Map<number, ReferenceEvent[]>()
  if (value === undefined) return events
  for (const [at, item] of itemsOf(value, '/events', EVENTS_MAX, fault).entries()) {
    const path = `/events/${at}`
    const members = membersOf(item, path, ['pcr', 'digests', 'optional', 'description'], fault)
    if (members === undefined) continue
    const pcr = members.get('pcr')
    if (typeof pcr !== 'number' || !PCR_NAMES.includes(String(pcr))) {
      fault(`${path}/pcr`, 'is 0 to 23')
      continue
    }
    const optional = members.get('optional') ?? false
    if (typeof optional !== 'boolean') fault(`${path}/optional`, 'is true or false')
    const description = textOf(members.get('description'), `${path}/description`, TEXT_CHARACTERS_MAX, fault)
    const digests = new Map<Bank, ReadonlySet<string>>()
    for (const [name, of] of membersOf(members.get('digests'), `${path}/digests`, BANKS, fault) ?? []) {
      const bank = BANKS.find((one) => one === name)
      if (bank === undefined) continue
      const bounds = { bytes: HASH_BYTES[bank], itemsMax: ALTERNATIVES_MAX }
      digests.set(bank, digestsOf(of, `${path}/digests/${bank}`, bounds, fault))
    }
    const event = { pcr, digests, isOptional: optional === true, ...(description === undefined ? {} : { description }) }
    const before = events.get(pcr)
    if (before === undefined) events.set(pcr, [event])
    else before.push(event)
  }
  return events
}

/** `[{ "digest": "…", "reason": "…" }]`. */
function deniedOf(value: unknown, fault: FaultSink): ReadonlyMap<string, string> {
  const denied = new Map<string, string>()
  if (value === undefined) return denied
  for (const [at, item] of itemsOf(value, '/denied', DENIED_MAX, fault).entries()) {
    const path = `/denied/${at}`
    const members = membersOf(item, path, ['digest', 'reason'], fault)
    if (members === undefined) continue
    const digest = members.get('digest')
    const reason = textOf(members.get('reason') ?? '', `${path}/reason`, TEXT_CHARACTERS_MAX, fault)
    if (typeof digest === 'string' && /^(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})$/.test(digest)) {
      denied.set(digest.toLowerCase(), reason ?? '')
    } else {
      fault(`${path}/digest`, 'is a digest of 32, 48 or 64 bytes in hexadecimal')
    }
  }
  return denied
}
