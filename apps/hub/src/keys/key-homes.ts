/** The homes of key-encryption keys that this program can open. */

import {
  type KeyEnvironment,
  type KeyFolder,
  type KeyHomeKinds,
  passphraseHomes,
  type SecretSource,
} from '@holdfast/keys'
import { tokenHomes } from '@holdfast/pkcs11'
import { tpmHomes } from '@holdfast/tpm-device'
import type { KeySettings } from './key-settings.ts'
import { secretSource } from './secret-sources.ts'

export interface KeyHomesParts {
  readonly folder: KeyFolder
  readonly environment: KeyEnvironment
  readonly settings: KeySettings
  /** What systemd says in the environment: where this service's credentials are. */
  readonly credentials: string | undefined
}

/** What asks for the PIN of a token. */
export function pinSource({ settings, credentials }: Pick<KeyHomesParts, 'settings' | 'credentials'>): SecretSource {
  return secretSource({
    noun: 'PIN',
    setting: 'pinFile',
    file: undefined,
    configured: settings.wish?.settings.pinFile,
    credential: 'holdfast-pin',
    credentials,
    terminal: { input: process.stdin, output: process.stderr },
  })
}

export function keyHomes({ folder, environment, settings, credentials }: KeyHomesParts): KeyHomeKinds {
  const terminal = { input: process.stdin, output: process.stderr }
  const { wish } = settings
  const shared = { folder, environment }
  const passphrase = secretSource({
    noun: 'passphrase',
    setting: 'passphraseFile',
    file: settings.passphraseFile,
    configured: wish?.settings.passphraseFile,
    credential: 'holdfast-passphrase',
    credentials,
    terminal,
  })
  return {
    passphrase: passphraseHomes({ ...shared, secret: passphrase }),
    tpm: tpmHomes(shared),
    pkcs11: tokenHomes({ ...shared, pin: pinSource({ settings, credentials }) }),
  }
}
