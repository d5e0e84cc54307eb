/** What opens a backup, from what the operator names: an identity file of age, or a passphrase. */

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Opening } from '@holdfast/backup'
import { KeyError, readSecretFile } from '@holdfast/keys/secret-input'
import { Failure, wrongUse } from '../failure.ts'

/** An identity file of age: some keys with their comments; bytes. */
const IDENTITY_FILE_BYTES_MAX = 65_536

export interface OpeningOptions {
  readonly identity?: string
  readonly passphraseFile?: string
}

/** @throws Failure. */
export async function readOpening({ identity, passphraseFile }: OpeningOptions): Promise<Opening> {
  if ((identity === undefined) === (passphraseFile === undefined)) {
    throw wrongUse('name what opens the backup: --identity FILE (as age-keygen made it), or --passphrase-file FILE')
  }
  if (identity === undefined) return { kind: 'passphrase', passphrase: await readPassphrase(passphraseFile ?? '') }
  const { readIdentities } = await import('@holdfast/backup')
  return { kind: 'identities', identities: readIdentities(await readIdentityFile(identity)) }
}

/** @throws Failure where it cannot be read, or others could. */
export async function readPassphrase(file: string): Promise<string> {
  try {
    const bytes = await readSecretFile(file)
    try {
      return Buffer.from(bytes).toString('utf8')
    } finally {
      bytes.fill(0)
    }
  } catch (error) {
    if (!(error instanceof KeyError)) throw error
    throw new Failure(error.message, { code: error.code, cause: error })
  }
}

async function readIdentityFile(path: string): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY)
    try {
      if ((await file.stat()).size > IDENTITY_FILE_BYTES_MAX) throw new Error('it is too large for an identity file')
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new Failure(`the identity file ${path} cannot be read: ${why}`, { code: 'no-identity', cause })
  }
}
