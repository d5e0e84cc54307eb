/**
 * `homes.json`: where key-encryption keys live. One home, and while keys move from one to another both, so that after a
 * crash neither is forgotten. Absent where the machine file is the only home there ever was. Holds nothing secret.
 */

import * as document from './document.ts'
import { fileError, KeyError } from './errors.ts'
import { type KeyFolder, replaceFile } from './folder.ts'
import { type HomeDescription, type HomeSettings, KEY_HOME_KINDS } from './home.ts'
import { HOME_SETTINGS_MAX, HOMES_BYTES_MAX, HOMES_MAX } from './limits.ts'
import { whileReading } from './reading.ts'

export const HOMES_FILE = 'homes.json'
const FORMAT = 'holdfast-key-homes'
const VERSION = 1

/** Undefined where there is no such file. @throws KeyError `damaged`, `newer`, `unavailable`. */
export async function readHomes(folder: KeyFolder): Promise<readonly HomeDescription[] | undefined> {
  const file = `${folder.path}/${HOMES_FILE}`
  const found = await whileReading(file, () => folder.read(HOMES_FILE, HOMES_BYTES_MAX))
  if (found === undefined) return undefined
  // It names a module that is run: nobody else may write it.
  if ((found.mode & 0o022) !== 0 || !found.isOurs) {
    throw fileError('exposed', { file, what: 'others may change it', remedy: `run chmod 600 ${file} as its owner` })
  }
  return parseHomes(found.bytes, file)
}

/** Durable when it resolves. @throws KeyError `unavailable`: then the old homes are still named. */
export async function writeHomes(folder: KeyFolder, homes: readonly HomeDescription[]): Promise<void> {
  const body = { format: FORMAT, version: VERSION, homes }
  try {
    await replaceFile(folder, HOMES_FILE, new TextEncoder().encode(`${JSON.stringify(body, undefined, 1)}\n`))
  } catch (cause) {
    throw new KeyError('unavailable', `${folder.path}/${HOMES_FILE} could not be written`, cause)
  }
}

/** @throws KeyError `damaged`, `newer`. */
export function parseHomes(bytes: Uint8Array, file: string): readonly HomeDescription[] {
  try {
    const content = document.parseDocument(bytes)
    if (content.format !== FORMAT) throw new document.DocumentError('is no list of key homes')
    if (typeof content.version === 'number' && content.version > VERSION) {
      throw fileError('newer', {
        file,
        what: `it was written by a newer version (format ${content.version})`,
        remedy: 'run that version',
      })
    }
    document.requireNames(content, ['format', 'version', 'homes'])
    document.countOf(content.version, 'version', 1, VERSION)
    const homes = document.arrayOf(content.homes, 'homes', HOMES_MAX).map(parseHome)
    if (homes.length === 0) throw new document.DocumentError('it names no home')
    if (new Set(homes.map(({ id }) => id)).size !== homes.length) {
      throw new document.DocumentError('it names a home twice')
    }
    return homes
  } catch (cause) {
    if (!(cause instanceof document.DocumentError)) throw cause
    throw fileError(
      'damaged',
      { file, what: `the list of key homes is damaged: ${cause.message}`, remedy: 'put it back from a backup' },
      cause,
    )
  }
}

function parseHome(value: unknown): HomeDescription {
  const home = document.objectOf(value, 'home')
  document.requireNames(home, ['kind', 'id', 'settings'])
  const kind = KEY_HOME_KINDS.find((candidate) => candidate === home.kind)
  if (kind === undefined) throw new document.DocumentError('a home is of no kind that is known')
  return {
    kind,
    id: document.textOf(home.id, 'id', new RegExp(`^${kind}:[0-9a-f]{16}$`)),
    settings: parseSettings(home.settings),
  }
}

function parseSettings(value: unknown): HomeSettings {
  const entries = Object.entries(document.objectOf(value, 'settings'))
  if (entries.length > HOME_SETTINGS_MAX) throw new document.DocumentError('a home has too many settings')
  return Object.fromEntries(
    entries.map(([name, text]) => [
      document.textOf(name, 'name of a setting', /^[A-Za-z][A-Za-z0-9]{0,31}$/),
      document.textOf(text, 'setting', /^[ -~\u00a0-\uffff]{0,1024}$/),
    ]),
  )
}
