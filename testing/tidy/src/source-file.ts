/**
 * One source file as the rules see it: its text, its code with comments and the insides of strings blanked out (same
 * length, same lines), and what it imports.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mask } from './mask.ts'

/** The rings in order: a ring may import itself and those before it. */
export const RINGS = ['protocol', 'domain', 'platform', 'apps', 'testing'] as const
export type Ring = (typeof RINGS)[number]

export interface Import {
  readonly from: string
  readonly line: number
  /** Names taken by `import { … }`; `*` for a namespace or dynamic import, `default` for a default import. */
  readonly names: readonly string[]
  readonly isTypeOnly: boolean
}

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string
  readonly ring: Ring
  /** Folder of the package, e.g. `protocol/mqtt`. */
  readonly package: string
  /** Tests, fuzzers and fakes: never part of what runs. */
  readonly isTest: boolean
  readonly text: string
  readonly code: string
  readonly imports: readonly Import[]
}

const FILES_MAX = 10_000

export function parseSource(path: string, text: string): SourceFile {
  const [ring, name] = path.split('/')
  const code = mask(text)
  return {
    path,
    ring: ring as Ring,
    package: `${ring}/${name}`,
    isTest: /\.(test|fuzz)\.ts$/.test(path) || path.includes('/src/testing/'),
    text,
    code,
    imports: importsOf(text, code),
  }
}

/** Every TypeScript file of the five rings, installed packages left out. */
export function readSources(root: string): readonly SourceFile[] {
  const files: SourceFile[] = []
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`
      if (entry.name === 'node_modules' || path === 'testing/vectors') continue
      if (entry.isDirectory()) visit(path)
      else if (/\.[cm]?tsx?$/.test(entry.name)) files.push(parseSource(path, readFileSync(join(root, path), 'utf8')))
      if (files.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} source files`)
    }
  }
  for (const ring of RINGS) visit(ring)
  return files
}

/** Line of a position, counted from 1. */
export function lineAt(text: string, position: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1 && i < position; i = text.indexOf('\n', i + 1)) line += 1
  return line
}

/** `import … from '…'`, `export … from '…'`, `import '…'`; the masked code keeps the quotes and blanks what is between. */
const STATEMENT = /(?:^|[;\n}])\s*(import|export)\b(?:\s*|(\s+type\b)?([^;'"`()=]*?)\bfrom\s*)(['"])( *)\4/g
const CALL = /\b(?:import|require|import\.meta\.resolve)\s*\(\s*(['"`])( *)\1/g

function importsOf(text: string, code: string): readonly Import[] {
  const imports: Import[] = []
  for (const match of code.matchAll(STATEMENT)) {
    const [all, , type, clause = '', quote = '', blank = ''] = match
    const end = match.index + all.length - quote.length
    imports.push({
      from: text.slice(end - blank.length, end),
      line: lineAt(text, end),
      names: namesOf(clause),
      isTypeOnly: type !== undefined,
    })
  }
  for (const match of code.matchAll(CALL)) {
    const [all, quote = '', blank = ''] = match
    const end = match.index + all.length - quote.length
    imports.push({
      from: text.slice(end - blank.length, end),
      line: lineAt(text, end),
      names: ['*'],
      isTypeOnly: false,
    })
  }
  return imports
}

function namesOf(clause: string): readonly string[] {
  const names: string[] = []
  const braces = /\{([^}]*)\}/.exec(clause)
  for (const part of (braces?.[1] ?? '').split(',')) {
    const name = part
      .trim()
      .replace(/^type\s+/, '')
      .split(/\s+as\s+/)[0]
    if (name !== undefined && name !== '') names.push(name)
  }
  const rest = clause.replace(/\{[^}]*\}/, '')
  if (rest.includes('*')) names.push('*')
  else if (/[\w$]/.test(rest)) names.push('default')
  return names
}
