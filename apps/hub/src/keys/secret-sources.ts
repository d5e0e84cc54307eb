/** Where the hub finds passphrases and PINs when it starts by itself. */

import { join } from 'node:path'
import { askSecret, type HomeDescription, KeyError, readSecretFile, type SecretSource } from '@holdfast/keys'

export interface SecretSourceParts {
  /** What it is called: `passphrase`, `PIN`. */
  readonly noun: string
  /** The setting of a home, or of the configuration, that names a file. */
  readonly setting: string
  /** Named on the command line. */
  readonly file: string | undefined
  /** The configuration's own word, which stands above what the home remembers. */
  readonly configured: string | undefined
  /** Name of the credential that systemd (LoadCredential=) puts into a folder for this service alone. */
  readonly credential: string
  /** The folder that systemd named. */
  readonly credentials: string | undefined
  readonly terminal: { readonly input: NodeJS.ReadStream; readonly output: NodeJS.WriteStream }
}

/** A file that was named, systemd's credential, the terminal: the first of these that there is. */
export function secretSource(parts: SecretSourceParts): SecretSource {
  const { noun, setting, credential, credentials, terminal } = parts
  return async (home: HomeDescription) => {
    const named = parts.file ?? parts.configured ?? home.settings[setting]
    if (named !== undefined) return readSecretFile(named)
    if (credentials !== undefined) {
      try {
        return await readSecretFile(join(credentials, credential), true)
      } catch (error) {
        if (!(error instanceof KeyError) || error.code !== 'secret-missing') throw error
      }
    }
    const asked = await askSecret(`${noun} of ${home.id}`, terminal)
    if (asked !== undefined) return asked
    throw new KeyError(
      'secret-missing',
      `the ${noun} of the hub's keys is needed: name a file that holds it (${setting} under keys in config.json${noun === 'passphrase' ? ', or --passphrase-file' : ''}), ` +
        `give it to the service as the credential ${credential} (systemd LoadCredential=), or start the hub at a terminal`,
    )
  }
}
