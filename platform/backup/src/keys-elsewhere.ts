/** What an archive cannot hold: keys of issuing authorities that a token made and does not give away. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface KeyElsewhere {
  /** Of the folder `ca`. */
  readonly file: string
  /** Id of the home that has the key. */
  readonly home: string
}

const ISSUER = /^issuing(?:-\d{1,10})?\.json$/

/** Of the issuing authorities in a folder that was unpacked; what is no such file is told elsewhere. */
export async function keysElsewhere(folder: string): Promise<readonly KeyElsewhere[]> {
  const ca = join(folder, 'ca')
  const names = await readdir(ca).catch(() => [])
  const found: KeyElsewhere[] = []
  for (const file of names.filter((name) => ISSUER.test(name)).toSorted()) {
    const home = await homeOf(join(ca, file))
    if (home?.startsWith('pkcs11:') === true) found.push({ file, home })
  }
  return found
}

async function homeOf(path: string): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof value === 'object' && value !== null && 'home' in value && typeof value.home === 'string'
      ? value.home.slice(0, 200)
      : undefined
  } catch {
    return undefined
  }
}
