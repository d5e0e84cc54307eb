/** Commands on objects (Part 3 §12 to §14, §24, §28): making keys, loading them, and what is done with them. */

import { hashId } from '../algorithms.ts'
import type { HashAlgorithm } from '../algorithms.ts'
import { SENSITIVE_DATA_BYTES_MAX } from '../limits.ts'
import { encodePublic, readPublic } from '../public-area.ts'
import type { TpmPublic } from '../public-area.ts'
import { writeSymmetric } from '../schemes.ts'
import type { SymmetricDefinition } from '../schemes.ts'
import type { TpmReader } from '../reader.ts'
import { TpmWriter } from '../writer.ts'
import { HIERARCHY, NO_PASSWORD, command } from './command.ts'
import type { Authorization, Handle, TpmCommand } from './command.ts'

const EMPTY = new Uint8Array(0)

/** What a new object holds besides its key: its password, and the data to seal (keyed hash objects alone). */
export interface SensitiveCreate {
  readonly userAuth?: Uint8Array
  readonly data?: Uint8Array
}

export interface CreatedPrimary {
  readonly handle: Handle
  readonly publicArea: TpmPublic
  readonly name: Uint8Array
}

/** TPM2_CreatePrimary (Part 3 §24.1): the same template under the same hierarchy makes the same key. */
export function createPrimary(options: {
  readonly hierarchy: Handle
  readonly template: TpmPublic
  readonly sensitive?: SensitiveCreate
  readonly authorization?: Authorization
}): TpmCommand<CreatedPrimary> {
  return command({
    name: 'CreatePrimary',
    code: 0x131,
    handles: [options.hierarchy],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: creation(options.sensitive ?? {}, options.template),
    answersHandle: true,
    read(reader, handle) {
      const publicArea = readPublic(reader)
      skipCreation(reader)
      return { handle, publicArea, name: reader.sized() }
    },
  })
}

export interface Created {
  /** A TPM2B_PRIVATE without its length: wrapped by the parent, worth nothing elsewhere. */
  readonly privateArea: Uint8Array
  readonly publicArea: TpmPublic
}

/** TPM2_Create (Part 3 §12.1). @param options.sensitive.data at most 128 bytes. */
export function create(options: {
  readonly parent: Handle
  readonly template: TpmPublic
  readonly sensitive?: SensitiveCreate
  readonly authorization?: Authorization
}): TpmCommand<Created> {
  return command({
    name: 'Create',
    code: 0x153,
    handles: [options.parent],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: creation(options.sensitive ?? {}, options.template),
    read(reader) {
      const privateArea = reader.sized()
      const publicArea = readPublic(reader)
      skipCreation(reader)
      return { privateArea, publicArea }
    },
  })
}

/** TPM2_Load (Part 3 §12.2). */
export function load(options: {
  readonly parent: Handle
  readonly privateArea: Uint8Array
  readonly publicArea: TpmPublic
  readonly authorization?: Authorization
}): TpmCommand<{ readonly handle: Handle; readonly name: Uint8Array }> {
  return command({
    name: 'Load',
    code: 0x157,
    handles: [options.parent],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: new TpmWriter().sized(options.privateArea).bytes(encodePublic(options.publicArea)).done(),
    answersHandle: true,
    read: (reader, handle) => ({ handle, name: reader.sized() }),
  })
}

/** TPM2_Unseal (Part 3 §12.7): the data of a sealed object. */
export function unseal(item: Handle, authorization: Authorization = NO_PASSWORD): TpmCommand<Uint8Array> {
  return command({
    name: 'Unseal',
    code: 0x15e,
    handles: [item],
    authorizations: [authorization],
    read: (reader) => reader.sized(SENSITIVE_DATA_BYTES_MAX).slice(),
  })
}

/** TPM2_ReadPublic (Part 3 §12.4). */
export function readPublicOf(object: Handle): TpmCommand<{
  readonly publicArea: TpmPublic
  readonly name: Uint8Array
  readonly qualifiedName: Uint8Array
}> {
  return command({
    name: 'ReadPublic',
    code: 0x173,
    handles: [object],
    read: (reader) => ({ publicArea: readPublic(reader), name: reader.sized(), qualifiedName: reader.sized() }),
  })
}

/**
 * TPM2_ActivateCredential (Part 3 §12.5): the secret of a credential, if `key` and the object named in it are in this TPM.
 * @param options.credential a TPM2B_ID_OBJECT, @param options.secret a TPM2B_ENCRYPTED_SECRET, both with their lengths.
 */
export function activateCredential(options: {
  readonly object: Handle
  readonly key: Handle
  readonly credential: Uint8Array
  readonly secret: Uint8Array
  readonly objectAuthorization?: Authorization
  /** An endorsement key wants the policy session of its hierarchy. */
  readonly keyAuthorization: Authorization
}): TpmCommand<Uint8Array> {
  return command({
    name: 'ActivateCredential',
    code: 0x147,
    handles: [options.object, options.key],
    authorizations: [options.objectAuthorization ?? NO_PASSWORD, options.keyAuthorization],
    parameters: new TpmWriter().bytes(options.credential).bytes(options.secret).done(),
    read: (reader) => reader.sized().slice(),
  })
}

/**
 * TPM2_Import (Part 3 §13.3): a duplicated object, wrapped anew by its new parent.
 * @param options.duplicate TPM2B_PRIVATE, `encryptedSeed` TPM2B_ENCRYPTED_SECRET, `publicArea` TPM2B_PUBLIC, all with lengths.
 */
export function importObject(options: {
  readonly parent: Handle
  /** The inner wrapper's key; empty if there is none, and then `symmetric` is absent too. */
  readonly encryptionKey: Uint8Array
  readonly publicArea: Uint8Array
  readonly duplicate: Uint8Array
  readonly encryptedSeed: Uint8Array
  readonly symmetric: SymmetricDefinition | undefined
  readonly authorization?: Authorization
}): TpmCommand<Uint8Array> {
  const parameters = new TpmWriter()
    .sized(options.encryptionKey)
    .bytes(options.publicArea)
    .bytes(options.duplicate)
    .bytes(options.encryptedSeed)
  writeSymmetric(parameters, options.symmetric)
  return command({
    name: 'Import',
    code: 0x156,
    handles: [options.parent],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: parameters.done(),
    read: (reader) => reader.sized().slice(),
  })
}

/** TPM2_HMAC (Part 3 §15.5): an HMAC by a keyed hash object. @param options.data at most 1024 bytes, as the TPM has it. */
export function hmac(options: {
  readonly key: Handle
  readonly data: Uint8Array
  readonly hash: HashAlgorithm
  readonly authorization?: Authorization
}): TpmCommand<Uint8Array> {
  return command({
    name: 'HMAC',
    code: 0x155,
    handles: [options.key],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: new TpmWriter().sized(options.data).u16(hashId(options.hash)).done(),
    read: (reader) => reader.sized().slice(),
  })
}

/** TPM2_EvictControl (Part 3 §28.5): makes a loaded object persistent, or a persistent one no more. */
export function evictControl(options: {
  readonly object: Handle
  readonly persistent: Handle
  readonly hierarchy?: Handle
  readonly authorization?: Authorization
}): TpmCommand<void> {
  return command({
    name: 'EvictControl',
    code: 0x120,
    handles: [options.hierarchy ?? HIERARCHY.owner, options.object],
    authorizations: [options.authorization ?? NO_PASSWORD],
    parameters: new TpmWriter().u32(options.persistent).done(),
    read: () => undefined,
  })
}

/** TPM2_FlushContext (Part 3 §28.4): of a loaded object or a session. */
export function flushContext(handle: Handle): TpmCommand<void> {
  // The handle is a parameter here, not in the handle area.
  const parameters = new TpmWriter().u32(handle).done()
  return command({ name: 'FlushContext', code: 0x165, parameters, read: () => undefined })
}

function creation(sensitive: SensitiveCreate, template: TpmPublic): Uint8Array {
  const inner = new TpmWriter()
    .sized(sensitive.userAuth ?? EMPTY)
    .sized(sensitive.data ?? EMPTY)
    .done()
  // outsideInfo is empty, creationPCR selects none.
  return new TpmWriter().sized(inner).bytes(encodePublic(template)).sized(EMPTY).u32(0).done()
}

/** creationData, creationHash and creationTicket: nobody asks for them. */
function skipCreation(reader: TpmReader): void {
  reader.sized()
  reader.sized()
  reader.u16()
  reader.u32()
  reader.sized()
}
