/** Sealing with age (age-encryption.org/v1): to recipients, or under a passphrase. What is sealed passes through. */

import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { BackupError, damaged } from './errors.ts'
import { IDENTITIES_MAX, RECIPIENTS_MAX } from './limits.ts'

/** Who can open a backup. A passphrase stands alone: age allows no recipient beside it. */
export type Sealing =
  | { readonly kind: 'recipients'; readonly recipients: readonly string[] }
  | { readonly kind: 'passphrase'; readonly passphrase: string }

/** What is tried to open one. */
export type Opening =
  | { readonly kind: 'identities'; readonly identities: readonly string[] }
  | { readonly kind: 'passphrase'; readonly passphrase: string }

/** @throws BackupError `bad-recipient`. */
export function checkSealing(sealing: Sealing): void {
  encrypterOf(sealing)
}

/** @throws BackupError `bad-recipient`. */
export async function seal(sealing: Sealing, plain: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  return encrypterOf(sealing).encrypt(streamOf(plain))
}

/**
 * What was sealed. Nothing of what it gives is to be believed before it has ended: a cut shows at the end alone.
 * @throws BackupError `wrong-identity`, `archive-damaged`; the latter while it is read, too.
 */
export async function open(opening: Opening, sealed: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const decrypter = new Decrypter()
  if (opening.kind === 'passphrase') decrypter.addPassphrase(opening.passphrase)
  else for (const identity of opening.identities) addIdentity(decrypter, identity)
  const faults: { source?: unknown } = {}
  let plain: ReadableStream<Uint8Array>
  try {
    plain = await decrypter.decrypt(streamOf(remembering(sealed, faults)))
  } catch (error) {
    if ('source' in faults) throw faults.source
    if (error instanceof Error && error.message.startsWith('no identity matched')) {
      const which = opening.kind === 'passphrase' ? 'this passphrase does not open it' : 'no identity here opens it'
      throw new BackupError('wrong-identity', `${which}; it was sealed for another`, error)
    }
    throw damaged('it is no file of age, or its header was changed', error)
  }
  return (async function* opened() {
    try {
      for await (const chunk of plain) yield chunk
    } catch (error) {
      if ('source' in faults) throw faults.source
      throw damaged('what is sealed in it was changed or is cut off', error)
    }
  })()
}

/** The identities of a file of age: one a line, comments beginning with `#`. @throws BackupError `bad-identity`. */
export function readIdentities(text: string): readonly string[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (lines.length === 0 || lines.length > IDENTITIES_MAX) {
    throw new BackupError('bad-identity', `an identity file holds 1 to ${IDENTITIES_MAX} lines AGE-SECRET-KEY-1…`)
  }
  const decrypter = new Decrypter()
  for (const line of lines) addIdentity(decrypter, line)
  return lines
}

/** A pair made for one backup alone. */
export async function newIdentity(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateX25519Identity()
  return { identity, recipient: await identityToRecipient(identity) }
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity)
  } catch {
    // Without the cause: it could repeat what it was given.
    throw new BackupError('bad-identity', 'this is no identity of age; it begins with AGE-SECRET-KEY-1')
  }
}

function encrypterOf(sealing: Sealing): Encrypter {
  const encrypter = new Encrypter()
  if (sealing.kind === 'passphrase') {
    encrypter.setPassphrase(sealing.passphrase)
    return encrypter
  }
  const { recipients } = sealing
  if (recipients.length === 0 || recipients.length > RECIPIENTS_MAX) {
    throw new BackupError('bad-recipient', `a backup is sealed for 1 to ${RECIPIENTS_MAX} recipients`)
  }
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient)
    } catch (cause) {
      const what = `'${recipient.slice(0, 80)}' is no recipient of age; it begins with age1, as age-keygen prints it`
      throw new BackupError('bad-recipient', what, cause)
    }
  }
  return encrypter
}

/** No faster than it is read. */
function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** So that a disk that fails is told as that, and not as an archive that does not open. */
async function* remembering(
  source: AsyncIterable<Uint8Array>,
  faults: { source?: unknown },
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* source
  } catch (error) {
    faults.source = error
    throw error
  }
}
