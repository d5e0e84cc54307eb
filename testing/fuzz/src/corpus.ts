/**
 * Stored inputs: `corpus/TARGET/NAME`, one input a file, in the repository. What the fuzzer found is named after its
 * hash; what was once a fault is named in words after the rule it broke, and stays for ever.
 */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const CORPUS_FOLDER = join(import.meta.dirname, '../corpus')
export const FAILURES_FOLDER = join(import.meta.dirname, '../failures')

/** Names given by a hash. */
const FOUND = /^[0-9a-f]{16}$/

export interface StoredInput {
  readonly name: string
  readonly bytes: Uint8Array
  /** Found by the fuzzer for the code it reaches, and dropped when another input reaches the same. */
  readonly isFound: boolean
}

/** A copy that owns its memory: `slice` of a `Buffer` does not copy, and targets write over what they were given. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes)
}

export function nameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/** Inputs stored for a target, ordered by name. */
export function readCorpus(target: string, folder = CORPUS_FOLDER): readonly StoredInput[] {
  if (!existsSync(join(folder, target))) return []
  return readdirSync(join(folder, target))
    .toSorted()
    .map((name) => ({
      name,
      bytes: plainBytes(readFileSync(join(folder, target, name))),
      isFound: FOUND.test(name),
    }))
}

/** Makes `inputs` all that is stored as found for a target; what is named in words is left alone. */
export function writeCorpus(target: string, inputs: readonly Uint8Array[], folder = CORPUS_FOLDER): void {
  const wanted = new Map(inputs.map((bytes) => [nameOf(bytes), bytes]))
  for (const { name, isFound } of readCorpus(target, folder)) {
    if (!isFound || wanted.delete(name)) continue
    rmSync(join(folder, target, name))
  }
  mkdirSync(join(folder, target), { recursive: true })
  for (const [name, bytes] of wanted) writeFileSync(join(folder, target, name), bytes)
}

/** Writes a failing input where it is not taken for the corpus. @returns its path. */
export function writeFailure(target: string, bytes: Uint8Array, folder = FAILURES_FOLDER): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${target}-${nameOf(bytes)}`)
  writeFileSync(file, bytes)
  return file
}
