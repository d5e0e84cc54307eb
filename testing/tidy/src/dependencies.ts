/** Rules about what is installed: exact versions, hashes, known licences, no scripts, no registry's address. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Package } from './rules.ts'

/** Licences that ask for nothing but notice. */
export const LICENCES: ReadonlySet<string> = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
  'CC0-1.0',
  'Python-2.0',
])

/** Packages let off by name, with the reason. */
export const LICENCE_EXCEPTIONS: Readonly<Record<string, string>> = {
  machina: 'no licence field; its repository carries the MIT text. Tests only, through the Azure SDK.',
}

/** Packages that carry an install script; scripts are off, so each notes that it works without. */
export const SCRIPT_EXCEPTIONS: Readonly<Record<string, string>> = {
  pkcs11js: 'builds its native part; who keeps keys in a token does that by scripts/build-pkcs11.sh, all others never.',
  'es5-ext': 'prints a message. Tests only, through the Azure SDK.',
}

/** A package.json or a lock entry, as far as the rules read it. */
export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly exports?: Readonly<Record<string, string>>
  readonly license?: unknown
  readonly licenses?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}

export function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest
}

/** Every package of ours by name. */
export function readPackages(root: string, rings: readonly string[]): ReadonlyMap<string, Package> {
  const packages = new Map<string, Package>()
  for (const ring of rings) {
    for (const name of readdirSync(join(root, ring))) {
      const file = join(root, ring, name, 'package.json')
      if (!existsSync(file)) continue
      const manifest = readManifest(file)
      const exports = new Set(Object.keys(manifest.exports ?? {}).map((it) => it.slice(1)))
      packages.set(manifest.name ?? '', { folder: `${ring}/${name}`, exports })
    }
  }
  return packages
}

/** Versions that a later install could read as another one. */
export function inexactVersions(manifest: Manifest): readonly string[] {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
  return Object.entries(all)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}@${version}`)
}

/** The licence expression is satisfied by the list: one of `OR`, all of `AND`. */
export function isLicenceAllowed(manifest: Manifest): boolean {
  const expression = licenceOf(manifest)
  if (expression === undefined) return false
  return expression
    .replace(/[()]/g, '')
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((name) => LICENCES.has(name.trim())))
}

function licenceOf(manifest: Manifest): string | undefined {
  const declared = manifest.license ?? (Array.isArray(manifest.licenses) ? manifest.licenses[0] : manifest.licenses)
  if (typeof declared === 'string') return declared
  if (typeof declared === 'object' && declared !== null && 'type' in declared && typeof declared.type === 'string') {
    return declared.type
  }
  return undefined
}

/** Entries of a lock file, by path; the root is ''. */
export function readLock(file: string): ReadonlyMap<string, Manifest> {
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { readonly packages: Readonly<Record<string, Manifest>> }
  return new Map(Object.entries(lock.packages))
}
