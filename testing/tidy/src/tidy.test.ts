import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  inexactVersions,
  isLicenceAllowed,
  LICENCE_EXCEPTIONS,
  readLock,
  readManifest,
  readPackages,
  SCRIPT_EXCEPTIONS,
} from './dependencies.ts'
import { checkCode, checkImports, type Finding, findCircle, LONG_FILES } from './rules.ts'
import { RINGS, readSources } from './source-file.ts'

const root = join(import.meta.dirname, '../../..')
const files = readSources(root)
const packages = readPackages(root, RINGS)

function assertNone(findings: readonly Finding[]): void {
  assert.equal(findings.map((it) => `${it.path}:${it.line}: ${it.what}: ${it.why}`).join('\n'), '')
}

test('every file keeps to the bans, each with its reason', () => {
  assertNone(files.flatMap(checkCode))
})

test('imports run towards protocol/, pure code stays pure, apps and tests stay apart', () => {
  assertNone(files.flatMap((file) => checkImports(file, packages)))
})

test('packages do not import each other in a circle', () => {
  assert.equal(findCircle(files, packages), undefined)
})

/** The package an import names: `@holdfast/mqtt` of `@holdfast/mqtt/testing`. */
function packageOf(from: string): string {
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
}

test('what a file imports is declared by its package, ours and others alike', () => {
  const shared = readManifest(join(root, 'package.json')).devDependencies ?? {}
  const undeclared = new Set<string>()
  for (const file of files) {
    const own = readManifest(join(root, file.package, 'package.json'))
    for (const item of file.imports) {
      if (/^(\.|node:)/.test(item.from)) continue
      const name = packageOf(item.from)
      if (name === own.name) continue
      const isForTests = file.isTest || file.ring === 'testing'
      const declared =
        own.dependencies?.[name] ??
        (isForTests || item.isTypeOnly ? (own.devDependencies?.[name] ?? shared[name]) : undefined) ??
        // What may be absent is loaded by code that bears that; only its types may stand in an import.
        (item.isTypeOnly ? own.optionalDependencies?.[name] : undefined)
      if (declared === undefined) undeclared.add(`${file.path}: ${name}`)
    }
  }
  assert.deepEqual([...undeclared], [])
})

test('a package declares of ours what it imports, no more, and at the version it has', () => {
  const wrong: string[] = []
  for (const { folder } of packages.values()) {
    const own = readManifest(join(root, folder, 'package.json'))
    const imported = new Set(
      files
        .filter((file) => file.package === folder)
        .flatMap((file) => file.imports.map(({ from }) => packageOf(from))),
    )
    for (const [name, version] of Object.entries({ ...own.dependencies, ...own.devDependencies })) {
      const target = packages.get(name)
      if (!name.startsWith('@holdfast/')) continue
      if (!imported.has(name)) wrong.push(`${folder}: ${name} is declared and not imported`)
      const { version: there } = readManifest(join(root, target?.folder ?? folder, 'package.json'))
      if (target === undefined || there !== version) wrong.push(`${folder}: there is no ${name} ${version}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('a package with code has a README that says what it is and what it refuses', () => {
  const missing = new Set(
    files.map((file) => file.package).filter((name) => !existsSync(join(root, name, 'README.md'))),
  )
  assert.deepEqual([...missing], [])
})

test('the linter holds what needs types, and nobody has switched it off', () => {
  const settings = readFileSync(join(root, '.oxlintrc.json'), 'utf8')
  for (const rule of [
    'typescript/no-explicit-any',
    'typescript/no-non-null-assertion',
    'typescript/no-floating-promises',
    'typescript/consistent-type-imports',
    'import/no-default-export',
    'import/no-cycle',
    'no-eval',
    'eqeqeq',
  ]) {
    assert.match(settings, new RegExp(`"${rule}": (\\[\\s*)?"error"`), rule)
  }
})

test('noted exceptions still exist', () => {
  for (const path of Object.keys(LONG_FILES)) assert.ok(existsSync(join(root, path)), path)
})

test('versions are exact in every package.json', () => {
  for (const folder of ['', ...[...packages.values()].map((it) => it.folder)]) {
    assert.deepEqual(inexactVersions(readManifest(join(root, folder, 'package.json'))), [], folder)
  }
})

test('the lock file carries a hash for every package and the address of no registry', () => {
  assert.doesNotMatch(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
    /https?:\/\/[^"]*registry|"resolved": "https?:/,
  )
  for (const [path, entry] of readLock(join(root, 'package-lock.json'))) {
    if (path.includes('node_modules/') && entry.link !== true) assert.ok(entry.integrity, `${path} has no hash`)
  }
})

test('npm runs no install script and writes exact versions', () => {
  const settings = readFileSync(join(root, '.npmrc'), 'utf8').split('\n')
  assert.ok(settings.includes('ignore-scripts=true') && settings.includes('save-exact=true'))
  for (const [path, entry] of readLock(join(root, 'package-lock.json'))) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    if (entry.hasInstallScript === true)
      assert.ok(SCRIPT_EXCEPTIONS[name], `${name} has an install script: note that it works without`)
  }
})

test('licences of what is installed are on the list, or noted with a reason', () => {
  const refused: string[] = []
  for (const [path, entry] of readLock(join(root, 'node_modules/.package-lock.json'))) {
    if (!path.startsWith('node_modules/') || entry.link === true) continue
    const manifest = readManifest(join(root, path, 'package.json'))
    const name = manifest.name ?? path
    if (!isLicenceAllowed(manifest) && LICENCE_EXCEPTIONS[name] === undefined) {
      refused.push(`${name}: ${JSON.stringify(manifest.license ?? manifest.licenses)}`)
    }
  }
  assert.deepEqual(refused, [])
})

test('every package loads where code may not be made from strings', () => {
  const names = [...packages].filter(
    ([, { folder }]) => !/^(testing|apps)\//.test(folder) && existsSync(join(root, folder, 'src/index.ts')),
  )
  const script = names.map(([name]) => `await import('${name}')`).join('\n')
  execFileSync(process.execPath, ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: 'pipe',
  })
})
