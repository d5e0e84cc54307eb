/** `holdfast ca root …`: the root of the hub's own authority, which belongs somewhere else than on the hub's machine. */

import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import type { Api } from '@holdfast/api'
import { KeyError, PASSPHRASE_BYTES_MIN, readSecretFile } from '@holdfast/keys/secret-input'
import { type Command, Option } from 'commander'
import { leaf, wholeNumber, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import { closedSessions } from '../printer.ts'

export const passphraseOption = (): Option =>
  new Option('--passphrase-file <file>', 'file that holds the passphrase (else it is asked for at the terminal)')

/** Making a key of a passphrase takes a moment, by intent; milliseconds. */
export const PASSPHRASE_MS = 30_000

export function addHubRoot(ca: Command, world: World): void {
  const root = leaf<[], object>(ca, world, {
    usage: 'root',
    summary: "print where the hub's own root certificate is, which devices and services must trust",
    example: 'NODE_EXTRA_CA_CERTS=$(holdfast ca root) node device.js',
    async run({ hub, print }) {
      const { caFile } = await hub.hub.status()
      if (caFile === undefined) {
        throw new Failure('the hub tells where its root is on its own machine only; use --data there', {
          code: 'not-local',
        })
      }
      await print.result({ caFile }, [caFile])
    },
  })

  root.enablePositionalOptions()

  leaf<[], object>(root, world, {
    usage: 'show',
    summary: 'show the roots, where the key of each is, and what issues below them',
    example: 'holdfast ca root show',
    async run({ hub, print }) {
      const found = await hub.hubAuthority.show()
      await print.result(found, authorityLines(found))
    },
  })

  leaf<
    [],
    { readonly to: string; readonly passphraseFile?: string; readonly generation?: number; readonly remove?: true }
  >(root, world, {
    usage: 'export',
    summary: "write the root's key, sealed by a passphrase, to a file that may be carried away",
    example: 'holdfast ca root export --to /media/usb/root-bundle.json --remove',
    notes:
      'The file is read back and opened before this ends. With --remove the key is then taken out of the data\nfolder; the hub goes on without it, and needs it again to make issuing authorities: holdfast ca root use.',
    options: [
      new Option('--to <file>', 'the file; it must not exist').makeOptionMandatory(),
      passphraseOption(),
      new Option('--generation <n>', 'of which root (default: the newest whose key is here)').argParser(wholeNumber(1)),
      new Option('--remove', "take the key out of the hub's data folder afterwards"),
    ],
    async run({ hub, print, world: asked }, { to, passphraseFile, generation, remove }) {
      const secret = await newPassphrase(asked, passphraseFile)
      const wish = { secret, ...(generation !== undefined && { generation }) }
      const made = await hub.hubAuthority.exportRoot({ body: wish, waitMs: PASSPHRASE_MS })
      await writeNew(to, made.bundle)
      const brought = { bundle: await readBundle(to), secret }
      await hub.hubAuthority.verifyRoot({ body: brought, waitMs: PASSPHRASE_MS })
      if (remove === true) await hub.hubAuthority.removeRoot({ body: brought, waitMs: PASSPHRASE_MS })
      await print.result({ generation: made.generation, sha256: made.sha256, file: to, removed: remove === true }, [
        `root ${made.generation} (SHA-256 ${made.sha256}) is in ${to}, which opens with the passphrase`,
        remove === true
          ? 'its key is gone from the data folder; keep the file and the passphrase apart, and both safe'
          : `its key still lies in the data folder; take it out with: holdfast ca root remove ${to}`,
      ])
    },
  })

  leaf<[string], { readonly passphraseFile?: string }>(root, world, {
    usage: 'verify <file>',
    summary: 'say whether a bundle opens with its passphrase, and of which root it is',
    example: 'holdfast ca root verify /media/usb/root-bundle.json',
    options: [passphraseOption()],
    async run({ hub, print, world: asked }, { passphraseFile }, file) {
      const brought = { bundle: await readBundle(file), secret: await passphrase(asked, passphraseFile) }
      const found = await hub.hubAuthority.verifyRoot({ body: brought, waitMs: PASSPHRASE_MS })
      await print.result(found, [`${file} opens; it is of root ${found.generation}, SHA-256 ${found.sha256}`])
    },
  })

  leaf<[string], { readonly passphraseFile?: string }>(root, world, {
    usage: 'remove <file>',
    summary: "take the root's key out of the data folder, once it is proved that FILE holds it, too",
    example: 'holdfast ca root remove /media/usb/root-bundle.json',
    options: [passphraseOption()],
    async run({ hub, print, world: asked }, { passphraseFile }, file) {
      const brought = { bundle: await readBundle(file), secret: await passphrase(asked, passphraseFile) }
      const found = await hub.hubAuthority.removeRoot({ body: brought, waitMs: PASSPHRASE_MS })
      await print.result(found, [
        "the root's key is gone from the data folder; backups made before still hold it",
        ...authorityLines(found),
      ])
    },
  })

  leaf<[string | undefined], { readonly passphraseFile?: string; readonly revoke?: true; readonly yes?: true }>(
    root,
    world,
    {
      usage: 'use [file]',
      summary: "make a new issuing authority with the root's key, from a bundle that is not kept",
      example: 'holdfast ca root use /media/usb/root-bundle.json',
      notes:
        'Without a file, the key must be in the data folder. With --revoke, the issuing authorities before it are\nrevoked: devices whose certificates they issued are cut off and have to enrol anew.',
      options: [
        passphraseOption(),
        new Option('--revoke', 'revoke the issuing authorities before it: their keys are in wrong hands'),
        new Option('--yes', 'do not ask'),
      ],
      async run({ hub, print, world: asked }, { passphraseFile, revoke, yes }, file) {
        if (revoke === true) {
          await agreed(asked, yes, 'Revoke the issuing authorities, and cut off every device below them?')
        }
        const brought =
          file === undefined ? {} : { bundle: await readBundle(file), secret: await passphrase(asked, passphraseFile) }
        const wish = { ...brought, ...(revoke === true && { revoke }) }
        const changed = await hub.hubAuthority.useRoot({ body: wish, waitMs: PASSPHRASE_MS })
        await print.result(changed, [
          `a new issuing authority is at work until ${changed.issuing.notAfter}; the root's key was not kept`,
          ...(revoke === true ? [`those before it are revoked; ${closedSessions(changed)}`] : []),
        ])
      },
    },
  )
}

export function authorityLines(found: Api.HubAuthority): readonly string[] {
  const { issuing, roots } = found
  return [
    ...roots.map(
      (it) =>
        `root ${it.generation}     until ${it.notAfter}, key ${KEY_PLACES[it.key]}` +
        `${it.trusted ? '' : ', given back: devices are not told to trust it'}${it.crossSigned ? ', cross-signed' : ''}`,
    ),
    ...roots.map((it) => `  SHA-256  ${it.sha256}`),
    `issuing    until ${issuing.notAfter}, key in ${issuing.home}`,
    ...(issuing.revocationList === undefined ? [] : [`  CRL      ${issuing.revocationList}`]),
    ...(issuing.ocsp === undefined ? [] : [`  OCSP     ${issuing.ocsp}`]),
  ]
}

const KEY_PLACES: Readonly<Record<Api.Root['key'], string>> = {
  machine: 'in the data folder (move it away: holdfast ca root export --to FILE --remove)',
  passphrase: 'in the data folder, sealed by its passphrase (move it away)',
  away: 'kept elsewhere',
}

export async function readBundle(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'it failed'
    throw new Failure(`${file} cannot be read: ${reason}`, { code: 'unreadable', cause: error })
  }
}

/** Base64 of the passphrase of a bundle that exists. */
export async function passphrase(world: World, file: string | undefined): Promise<string> {
  if (file !== undefined) return secretOf(file)
  const asked = await world.askSecret('Passphrase of the bundle')
  if (asked === undefined) throw nobodyToAsk()
  return base64(asked)
}

/** Base64 of a passphrase to be set: asked for twice. */
export async function newPassphrase(world: World, file: string | undefined): Promise<string> {
  if (file !== undefined) return secretOf(file)
  const first = await world.askSecret(`New passphrase (at least ${PASSPHRASE_BYTES_MIN} characters)`)
  if (first === undefined) throw nobodyToAsk()
  const second = await world.askSecret('The same again')
  const isSame = second !== undefined && Buffer.from(first).equals(second)
  second?.fill(0)
  if (isSame) return base64(first)
  first.fill(0)
  throw new Failure('the two are not the same; nothing was changed', { code: 'declined' })
}

/** Asks, unless `--yes` was given. */
export async function agreed(world: World, yes: true | undefined, question: string): Promise<void> {
  if (yes === true) return
  const answer = await world.confirm(question)
  if (answer === undefined) throw wrongUse('this cannot be undone; say so with --yes where nobody can be asked')
  if (!answer) throw new Failure('nothing was changed, as answered', { code: 'declined' })
}

async function secretOf(file: string): Promise<string> {
  try {
    return base64(await readSecretFile(file))
  } catch (error) {
    if (!(error instanceof KeyError)) throw error
    throw new Failure(error.message, { code: error.code, cause: error })
  }
}

function base64(secret: Uint8Array): string {
  const text = Buffer.from(secret).toString('base64')
  secret.fill(0)
  return text
}

function nobodyToAsk(): Failure {
  return wrongUse('a passphrase is needed: name a file with --passphrase-file, or run this at a terminal')
}

/** Durable before this resolves, for its owner alone, and never in the place of something else. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'it failed'
    throw new Failure(`${file} cannot be written: ${reason}; name a new file that you may write`, {
      code: 'unwritable',
      cause: error,
    })
  }
}
