/** Policy sessions (Part 3 §11.1 and §23): what must hold before an object may be used. */

import { TPM_ALG, hashId } from '../algorithms.ts'
import type { HashAlgorithm } from '../algorithms.ts'
import { writePcrSelection } from '../pcr-selection.ts'
import type { PcrBank } from '../pcr-selection.ts'
import { TpmWriter } from '../writer.ts'
import { HIERARCHY, NO_PASSWORD, command } from './command.ts'
import type { Authorization, Handle, TpmCommand } from './command.ts'

const EMPTY = new Uint8Array(0)

export type SessionKind = 'hmac' | 'policy' | 'trial'

const SESSION_TYPES: Readonly<Record<SessionKind, number>> = { hmac: 0x00, policy: 0x01, trial: 0x03 }

/**
 * TPM2_StartAuthSession (Part 3 §11.1), without salt, binding and encryption of parameters.
 * @param options.nonce random bytes, 16 to the length of the hash.
 */
export function startAuthSession(options: {
  readonly kind: SessionKind
  readonly hash: HashAlgorithm
  readonly nonce: Uint8Array
}): TpmCommand<{ readonly session: Handle; readonly nonce: Uint8Array }> {
  const parameters = new TpmWriter()
    .sized(options.nonce)
    .sized(EMPTY)
    .u8(SESSION_TYPES[options.kind])
    .u16(TPM_ALG.null)
    .u16(hashId(options.hash))
  return command({
    name: 'StartAuthSession',
    code: 0x176,
    handles: [HIERARCHY.null, HIERARCHY.null],
    parameters: parameters.done(),
    answersHandle: true,
    read: (reader, session) => ({ session, nonce: reader.sized().slice() }),
  })
}

/**
 * TPM2_PolicySecret (Part 3 §23.4): the session's user knows the password of `entity`. With the endorsement hierarchy this
 * is the policy of every endorsement key of the standard templates.
 */
export function policySecret(options: {
  readonly entity: Handle
  readonly session: Handle
  readonly authorization?: Authorization
}): TpmCommand<void> {
  return command({
    name: 'PolicySecret',
    code: 0x151,
    handles: [options.entity, options.session],
    authorizations: [options.authorization ?? NO_PASSWORD],
    // nonceTPM, cpHashA, policyRef are empty, expiration is 0: good for this session, whatever the command.
    parameters: new TpmWriter().sized(EMPTY).sized(EMPTY).sized(EMPTY).u32(0).done(),
    read(reader) {
      reader.sized()
      reader.u16()
      reader.u32()
      reader.sized()
    },
  })
}

/** TPM2_PolicyPCR (Part 3 §23.7). @param options.digest of the registers' values, or empty: as they are now. */
export function policyPcr(options: {
  readonly session: Handle
  readonly digest?: Uint8Array
  readonly selections: readonly PcrBank[]
}): TpmCommand<void> {
  const parameters = new TpmWriter().sized(options.digest ?? EMPTY)
  writePcrSelection(parameters, options.selections)
  const done = parameters.done()
  return command({
    name: 'PolicyPCR',
    code: 0x17f,
    handles: [options.session],
    parameters: done,
    read: () => undefined,
  })
}

/** TPM2_PolicyGetDigest (Part 3 §23.17): the policy so far; of a trial session what an object's `authPolicy` is to be. */
export function policyGetDigest(session: Handle): TpmCommand<Uint8Array> {
  return command({
    name: 'PolicyGetDigest',
    code: 0x189,
    handles: [session],
    read: (reader) => reader.sized().slice(),
  })
}
