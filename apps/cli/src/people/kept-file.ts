/** Small files of secrets in the person's own configuration folder: theirs alone, whole or not there. */

import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../failure.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** `~/.config/holdfast`, or where `XDG_CONFIG_HOME` says. */
export function configurationFolder(environment: Environment): string {
  const { XDG_CONFIG_HOME: chosen, HOME: home } = environment
  const base = chosen === undefined || !chosen.startsWith('/') ? join(home ?? homedir(), '.config') : chosen
  return join(base, 'holdfast')
}

/**
 * An object from a file; empty where there is none.
 * @throws Failure where others may read it, or it is no JSON object: what it holds is a secret.
 */
export function readKept(environment: Environment, name: string): Readonly<Record<string, unknown>> {
  const file = join(configurationFolder(environment), name)
  let text: string
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      throw new Failure(`others may read ${file}, which holds secrets; chmod 600 it, and sign in anew`, {
        code: 'unsafe-file',
      })
    }
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    if (error instanceof Failure) throw error
    throw new Failure(`cannot read ${file}; check its permissions`, { code: 'unreadable-file', cause: error })
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Told below.
  }
  throw new Failure(`${file} is damaged; delete it, and sign in or enrol anew`, { code: 'damaged-file' })
}

/** Writes beside it and renames, so that a crash leaves the former or the new one. */
export function writeKept(environment: Environment, name: string, value: Readonly<Record<string, unknown>>): void {
  const folder = configurationFolder(environment)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const file = join(folder, name)
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}
