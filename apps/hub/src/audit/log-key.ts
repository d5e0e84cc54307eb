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
  const { folder, ring } = parts
  const file = await folder.read(FILE, FILE_BYTES_MAX)
  if (file === undefined) {
    if (parts.mayCreate) return create(parts)
    throw new KeyError('damaged', `${folder.path}/${FILE} is gone, the key that signs for the audit log`)
  }
  const { key, sealed } = parse(Buffer.from(file.bytes).toString('utf8'), `${folder.path}/${FILE}`)
  const verifier = VerifierKey.parse(key)
  const held = unsealPrivateKey(sealed, { ring, label: FILE })
  if (!Buffer.from(verifier.publicKey).equals(publicBytesOf(held))) {
    throw new KeyError('damaged', `${folder.path}/${FILE} holds another key than it says`)
  }
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

function publicBytesOf(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_KEY_BYTES)
}

function parse(text: string, path: string): { readonly key: string; readonly sealed: string } {
  const fault = (): KeyError => new KeyError('damaged', `${path} is no key of an audit log: it is damaged`)
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
