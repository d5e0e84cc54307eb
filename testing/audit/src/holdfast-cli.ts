/** `holdfast …` as a process, as operators run it. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'

/** The program, for who starts it otherwise. */
export const CLI_MAIN = join(import.meta.dirname, '../../../apps/cli/src/main.ts')

export interface CliAnswer {
  readonly exit: number
  readonly out: string
  readonly err: string
}

export function holdfast(data: string, ...args: readonly string[]): Promise<CliAnswer> {
  const options = { maxBuffer: 256 * 1024 * 1024, env: { ...process.env, HOLDFAST_DATA: data } }
  return new Promise((resolve) => {
    const given = ['--disallow-code-generation-from-strings', CLI_MAIN, ...args]
    execFile(process.execPath, given, options, (error, out, err) => {
      resolve({ exit: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err })
    })
  })
}

/** What `audit verify --json` says. */
export interface ToldVerdict {
  readonly isGood: boolean
  readonly origin: string
  readonly key: string
  readonly entries: number
  readonly signedEntries: number
  readonly checkpoints: number
  readonly cosignatures: readonly { readonly witness: string; readonly size: number; readonly time: string }[]
  readonly bodies: { readonly checked: number; readonly shredded: number; readonly withheld: number }
  readonly findings: readonly {
    readonly kind: string
    readonly first?: number
    readonly last?: number
    readonly text: string
  }[]
}

/** @throws Error with what was written to stderr where there is no verdict. */
export async function verifyLog(data: string, ...args: readonly string[]): Promise<ToldVerdict> {
  const { exit, out, err } = await holdfast(data, 'audit', 'verify', '--json', ...args)
  if (out === '') throw new Error(`audit verify gave no verdict: ${err}`)
  const verdict = JSON.parse(out) as ToldVerdict
  if (verdict.isGood !== (exit === 0)) throw new Error(`the exit code ${exit} is not what the verdict says`)
  return verdict
}
