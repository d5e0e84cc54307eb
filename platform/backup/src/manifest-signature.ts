/** Who vouches for a manifest: a signed note over its digest, under the key of the hub's audit log (C2SP signed-note). */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseNote, TlogError, VerifierKey, verifySignatures } from '@holdfast/tlog'
import { BackupError, doesNotHold } from './errors.ts'
import type { Unpacked } from './unpack.ts'

/** First line of the text that is signed: no checkpoint of a log begins so. */
const FIRST_LINE = 'holdfast backup manifest v1'
/** Where a hub keeps its log's key; the public half stands there in the clear. */
const KEY_FILE = 'ca/log.json'

export function manifestText(digest: string): string {
  return `${FIRST_LINE}\n${digest}\n`
}

/**
 * @param logKey that has to have signed; without it, the key that is in the archive.
 * @returns the key that signed, as vkey; undefined where nobody did.
 * @throws BackupError `does-not-hold` for a signature of another, over another manifest, or where one is demanded and missing.
 */
export async function checkSignature(
  { manifestDigest, signature }: Pick<Unpacked, 'manifestDigest' | 'signature'>,
  { folder, logKey }: { readonly folder: string; readonly logKey: string | undefined },
): Promise<string | undefined> {
  const text = logKey ?? (await keyIn(folder))
  if (text === undefined && signature === undefined) return undefined
  if (text === undefined || signature === undefined) throw doesNotHold('its manifest is not signed')
  try {
    const key = VerifierKey.parse(text)
    const note = parseNote(signature)
    if (note.text !== manifestText(manifestDigest)) throw doesNotHold('its signature is over another manifest')
    verifySignatures(note, [key])
    return key.toString()
  } catch (error) {
    if (error instanceof BackupError) throw error
    if (!(error instanceof TlogError)) throw error
    throw doesNotHold(`its manifest is not signed by the key ${text.slice(0, 200)}`, error)
  }
}

async function keyIn(folder: string): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, KEY_FILE), 'utf8'))
    return typeof value === 'object' && value !== null && 'key' in value && typeof value.key === 'string'
      ? value.key
      : undefined
  } catch {
    return undefined
  }
}
