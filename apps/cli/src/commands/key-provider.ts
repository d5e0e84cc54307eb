/** `holdfast keys provider …`: where the key that wraps all others is kept. */

import type { Api } from '@holdfast/api'
import { KeyError, PASSPHRASE_BYTES_MIN, readSecretFile } from '@holdfast/keys/secret-input'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { resolve } from 'node:path'
import { group, leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'

interface SetOptions {
  readonly passphraseFile?: string
  readonly tpm?: string
  readonly pcrs?: readonly number[]
  readonly module?: string
  readonly tokenLabel?: string
  readonly label?: string
  readonly pinFile?: string
}

const PROVIDERS = ['file', 'passphrase', 'tpm', 'pkcs11'] as const
/** A move makes keys in a token, which may take its time over an RSA pair; milliseconds. */
const MOVE_MS_MAX = 120_000

export function addKeyProvider(keys: Command, world: World): void {
  const provider = group(
    keys,
    'provider',
    'where the key that wraps all others is kept',
    'holdfast keys provider set passphrase',
  )

  leaf<[], object>(provider, world, {
    usage: 'show',
    summary: 'show where the key is kept and how old it is',
    example: 'holdfast keys provider show',
    async run({ hub, print }) {
      const found = await hub.keyProvider.show()
      await print.result(found, [
        `${found.id}, key made ${found.createdTime}`,
        ...Object.entries(found.settings).map(([name, value]) => `  ${name} ${value}`),
        ...found.leftovers.map(({ id }) => `  not yet destroyed: the old key of ${id}`),
        ...(found.provider === 'file'
          ? ['  it lies beside the data it protects; move it with: holdfast keys provider set']
          : []),
      ])
    },
  })

  leaf<[string], SetOptions>(provider, world, {
    usage: 'set <provider>',
    summary: 'move the key to file, passphrase, tpm or pkcs11, with a new key, while the hub runs',
    example: 'holdfast keys provider set pkcs11 --module /usr/lib/softhsm/libsofthsm2.so --token-label holdfast',
    notes:
      'A passphrase or PIN is read from a file or asked for at the terminal, never taken from an argument.\nA file that is named here is read again by the hub at each start.',
    options: [
      new Option('--passphrase-file <file>', 'passphrase: file that holds it'),
      new Option('--tpm <device>', 'tpm: device or socket (default /dev/tpmrm0)'),
      new Option('--pcrs <list>', 'tpm: opens only while these PCRs are as they are now, e.g. 0,2,7').argParser(pcrsOf),
      new Option('--module <path>', 'pkcs11: library of the token'),
      new Option('--token-label <label>', 'pkcs11: label of the token'),
      new Option('--label <label>', 'pkcs11: what the keys in the token are called (default holdfast)'),
      new Option('--pin-file <file>', 'pkcs11: file that holds the PIN'),
    ],
    async run({ hub, print, world: asked }, options, name) {
      const chosen = PROVIDERS.find((candidate) => candidate === name)
      if (chosen === undefined) throw wrongUse(`'${name}' is no provider; there are ${PROVIDERS.join(', ')}`)
      const { passphraseFile, pinFile, tokenLabel, tpm, pcrs, module, label } = options
      const file = passphraseFile ?? pinFile
      const secret = await secretFor(chosen, file, asked)
      const body: Api.KeyProviderChange = {
        provider: chosen,
        ...(passphraseFile !== undefined && { passphraseFile: resolve(passphraseFile) }),
        ...(pinFile !== undefined && { pinFile: resolve(pinFile) }),
        ...(tokenLabel !== undefined && { token: tokenLabel }),
        ...(tpm !== undefined && { tpm }),
        ...(pcrs !== undefined && { pcrs: [...pcrs] }),
        ...(module !== undefined && { module: resolve(module) }),
        ...(label !== undefined && { label }),
        ...(secret !== undefined && { secret: Buffer.from(secret).toString('base64') }),
      }
      secret?.fill(0)
      const before = await hub.keyProvider.show()
      const moved = await hub.keyProvider.set({ body, waitMs: MOVE_MS_MAX })
      await print.result(moved, [
        moved.id === before.id
          ? `the key that wraps all others was in ${moved.id} already`
          : `the key that wraps all others is in ${moved.id} from now on; that in ${before.id} is destroyed`,
        ...adviceOf(moved),
      ])
    },
  })
}

async function secretFor(
  provider: Api.KeyProviderKind,
  file: string | undefined,
  world: World,
): Promise<Uint8Array | undefined> {
  if (provider !== 'passphrase' && provider !== 'pkcs11') return undefined
  if (file !== undefined) {
    try {
      return await readSecretFile(file)
    } catch (error) {
      if (!(error instanceof KeyError)) throw error
      throw new Failure(error.message, { code: error.code, cause: error })
    }
  }
  if (provider === 'pkcs11') {
    const pin = await world.askSecret('PIN of the token')
    if (pin === undefined) throw wrongUse('the PIN is needed: name a file with --pin-file, or run this at a terminal')
    return pin
  }
  const first = await world.askSecret(`New passphrase (at least ${PASSPHRASE_BYTES_MIN} characters)`)
  if (first === undefined) {
    throw wrongUse('a passphrase is needed: name a file with --passphrase-file, or run this at a terminal')
  }
  const second = await world.askSecret('The same again')
  const isSame = second !== undefined && Buffer.from(first).equals(second)
  second?.fill(0)
  if (isSame) return first
  first.fill(0)
  throw new Failure('the two are not the same; nothing was changed', { code: 'declined' })
}

function adviceOf({ provider, settings }: Api.KeyProvider): readonly string[] {
  if (provider === 'passphrase' && settings.passphraseFile === undefined) {
    return ['the hub needs the passphrase at each start: --passphrase-file, a systemd credential, or its terminal']
  }
  if (provider === 'pkcs11' && settings.pinFile === undefined) {
    return ['the hub needs the PIN at each start: pinFile in config.json, a systemd credential, or its terminal']
  }
  return []
}

function pcrsOf(text: string): readonly number[] {
  const numbers = text.split(',').map(Number)
  if (!/^\d{1,2}(,\d{1,2})*$/.test(text) || numbers.some((number) => number > 23)) {
    throw new InvalidArgumentError('It is a list of PCRs from 0 to 23, such as 0,2,7.')
  }
  return [...new Set(numbers)]
}
