/**
 * The key that signs for the log, made when the log begins and kept for good: witnesses and auditors know the log by it. Its
 * name is the log's origin, which stays too when the hub is given another host name.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { KeyError, type KeyFolder, type KeyRing, type Random, replaceFile } from '@holdfast/keys'
import { type SignBytes, VerifierKey } from '@holdfast/tlog'
import { sealPrivateKey, unsealPrivateKey } from '../core/authority/sealed-private-key.ts'

const FILE = 'log.json'
const FORMAT = 'holdfast-log-key'
const FILE_BYTES_MAX = 16_384
/** Bytes of an Ed25519 key at the end of its SubjectPublicKeyInfo (RFC 8410 §4). */
const PUBLIC_KEY_BYTES = 32
/** Tells the logs of hubs with one host name apart. */
const NAME_BYTES = 6

export interface LogKey {
  /** Its name is the origin. */
  readonly verifier: VerifierKey
  readonly sign: SignBytes
  /** It was made just now. */
  readonly isNew: boolean
}

export interface LogKeyParts {
  readonly folder: KeyFolder
  readonly ring: KeyRing
  readonly random: Random
  readonly hostName: string
  /** False: something was signed with it already, so that another would only hide that it is gone. */
  readonly mayCreate: boolean
}

/**
 * Rejects with KeyError `damaged` for a file that is none of ours, and where there is none and none may be made.
 * Rejects with what the ring throws for a key that it no longer has.
 */
export async function openLogKey(parts: LogKeyParts): Promise<LogKey> {
  const { folder } = parts
  const file = await folder.read(FILE, FILE_BYTES_MAX)
  if (file === undefined) {
    if (parts.mayCreate) return create(parts)
    throw damaged(folder, 'the key that signs for the audit log is gone')
  }
  const { key, sealed } = parse(folder, Buffer.from(file.bytes).toString('utf8'))
  const [verifier, held] = open(parts, { key, sealed })
  if (!Buffer.from(verifier.publicKey).equals(publicBytesOf(held)))
    throw damaged(folder, 'it holds another key than it says')
  return { verifier, sign: (message) => sign(null, message, held), isNew: false }
}

async function create({ folder, ring, random, hostName }: LogKeyParts): Promise<LogKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const name = `${hostName}/audit/${Buffer.from(random(NAME_BYTES)).toString('hex')}`
  const verifier = new VerifierKey({ name, kind: 'note', publicKey: publicBytesOf(privateKey) })
  const sealed = sealPrivateKey(privateKey, { ring, label: FILE, random })
  const document = { format: FORMAT, version: 1, key: verifier.toString(), sealed }
  await replaceFile(folder, FILE, Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`))
  return { verifier, sign: (message) => sign(null, message, privateKey), isNew: true }
}

function open(
  { folder, ring }: Pick<LogKeyParts, 'folder' | 'ring'>,
  { key, sealed }: { readonly key: string; readonly sealed: string },
): readonly [VerifierKey, KeyObject] {
  try {
    return [VerifierKey.parse(key), unsealPrivateKey(sealed, { ring, label: FILE })]
  } catch (error) {
    // What the ring says of a key that it lacks is more than we know.
    throw error instanceof KeyError ? error : damaged(folder, 'it does not open as the key of an audit log', error)
  }
}

/** Another key would only hide what happened: whoever knows the log knows it by this one. */
function damaged({ path }: Pick<KeyFolder, 'path'>, what: string, cause?: unknown): KeyError {
  const remedy = 'bring this file back from a backup (docs/audit-log.md says how)'
  return new KeyError('damaged', `${path}/${FILE}: ${what}; ${remedy}`, cause)
}

function publicBytesOf(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_KEY_BYTES)
}

function parse(folder: Pick<KeyFolder, 'path'>, text: string): { readonly key: string; readonly sealed: string } {
  const fault = (): KeyError => damaged(folder, 'it is no key of an audit log')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw fault()
  }
  if (typeof value !== 'object' || value === null) throw fault()
  if (!('format' in value && 'key' in value && 'sealed' in value) || value.format !== FORMAT) throw fault()
  const { key, sealed } = value
  if (typeof key !== 'string' || typeof sealed !== 'string') throw fault()
  return { key, sealed }
}
