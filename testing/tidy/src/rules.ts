/** What every source file must hold to, as data: what is looked for, where, and why it is banned. */

import { type Import, lineAt, RINGS, type SourceFile } from './source-file.ts'

export interface Finding {
  readonly path: string
  readonly line: number
  readonly what: string
  readonly why: string
}

/** A package of ours, as importers see it. */
export interface Package {
  readonly folder: string
  /** What may follow its name: '' for the index, `/testing`, … */
  readonly exports: ReadonlySet<string>
}

/** Ban of a pattern in the code (comments and strings left out). */
export interface CodeBan {
  readonly what: string
  readonly pattern: RegExp
  readonly why: string
  readonly where: (file: SourceFile) => boolean
  /** Paths that are let off, with the reason. */
  readonly exceptions?: Readonly<Record<string, string>>
}

const isShipped = (file: SourceFile): boolean => !file.isTest && file.ring !== 'testing'
const isPure = (file: SourceFile): boolean => isShipped(file) && (file.ring === 'protocol' || file.ring === 'domain')
const everywhere = (): boolean => true

/** A global by name, not a member (`x.process`), not a key or parameter of that name (`process: …`). */
const named = (name: string): RegExp => new RegExp(`(?<![.\\w$#])${name}(?![\\w$]|\\s*\\??:)`, 'g')

const PURE = 'protocol/ and domain/ are pure, so that they can be fuzzed and simulated under a virtual clock'

export const CODE_BANS: readonly CodeBan[] = [
  {
    what: 'the clock',
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|(?<!new )(?<![.\w$])Date\(|\bTemporal\.Now\b|(?<![.\w$#])performance\./g,
    why: `${PURE}: take the time as an argument`,
    where: isPure,
  },
  {
    what: 'randomness',
    pattern:
      /(?<![.\w$#])crypto\.|\b(?:randomBytes|randomUUID|randomInt|randomFill\w*|getRandomValues|generateKey\w*)\b/g,
    why: `${PURE}: take random bytes as an argument`,
    where: isPure,
  },
  {
    what: 'Math.random',
    pattern: /\bMath\.random\b/g,
    why: 'it can be predicted, and what is used for jitter today is copied for a token tomorrow: node:crypto, or a seeded generator in tests',
    where: everywhere,
  },
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => ({
    what: name,
    pattern: named(name),
    why: `${PURE}: say by a deadline when to be called`,
    where: isPure,
  })),
  ...['process', 'console', 'fetch', 'WebSocket', 'globalThis'].map((name) => ({
    what: name,
    pattern: named(name),
    why: `${PURE}: what the world gives comes in as an argument`,
    where: isPure,
  })),
  {
    what: 'import.meta or a dynamic import',
    pattern: /\bawait\s+import\s*\(|\bimport\.meta\b/g,
    why: `${PURE}: what is loaded is seen in the import list`,
    where: isPure,
  },
  {
    what: 'require',
    pattern: /(?<![.\w$#])require\s*\(/g,
    why: 'modules are ES modules, and what a file needs stands in its import list',
    where: isShipped,
  },
  {
    what: 'code from strings',
    pattern: /(?<![.\w$#])eval\s*\(|\bnew Function\b|(?<![.\w$#])Function\s*\(/g,
    why: 'programs run with --disallow-code-generation-from-strings, and this would throw',
    where: everywhere,
  },
  {
    what: 'a default export',
    pattern: /\bexport\s+default\b|\bas\s+default\b/g,
    why: 'a name that each importer chooses cannot be searched for',
    // Node's test runner takes a reporter by its default export.
    where: ({ path }) => !path.endsWith('/reporter.ts'),
  },
  {
    what: 'export *',
    pattern: /\bexport\s*\*(?!\s*as\b)/g,
    why: 'index.ts names what is public one by one; what it does not name is private',
    where: everywhere,
  },
  {
    what: 'a test that runs alone',
    pattern: /\.only\s*\(|\bonly:\s*true\b/g,
    why: 'it would switch all other tests off in silence',
    where: everywhere,
  },
  {
    what: 'a skipped test without a reason',
    pattern: /\b(?:test|it|describe|suite)\.(?:skip|todo)\s*\(|\bskip:\s*true\b|\btodo:\s*true\b|\bskip\(\s*\)/g,
    why: 'a skip names what is missing: skip: requireTool(…), or a reason in words',
    where: everywhere,
  },
  {
    what: 'TLS that accepts anybody as server',
    pattern: /\bcheckServerIdentity\s*:|\bNODE_TLS_REJECT_UNAUTHORIZED\b/g,
    why: 'a client that does not check whom it talks to gives its secrets to whoever answers',
    where: isShipped,
  },
]

/** Looked for in the whole text, comments included. */
export const TEXT_BANS: readonly { readonly what: string; readonly pattern: RegExp; readonly why: string }[] = [
  {
    what: 'a note to come back',
    pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b/g,
    why: 'what is missing is an issue, where somebody looks for it, or it is done now',
  },
  {
    what: 'a switched-off check',
    pattern: /@ts-(?:ignor[e]|nochec[k])|(?:ox|es)lint-disabl[e](?!-next-line \S+ -- )|biome-ignor[e]/g,
    why: 'a check is let off on one line, by rule, with its reason after " -- "',
  },
]

export const LINES_MAX = 600
/** Files that may be longer, with the reason. */
export const LONG_FILES: Readonly<Record<string, string>> = {}

/** What pure code may take from node:crypto: same input, same output. Making keys and signing with randomness is not. */
export const PURE_CRYPTO_NAMES: ReadonlySet<string> = new Set([
  'createCipheriv',
  'createDecipheriv',
  'createHash',
  'createHmac',
  'createPrivateKey',
  'createPublicKey',
  'createSecretKey',
  'createVerify',
  'constants',
  'hash',
  'hkdfSync',
  'timingSafeEqual',
  'verify',
  'X509Certificate',
])

/** Applies the bans on text and code. */
export function checkCode(file: SourceFile): readonly Finding[] {
  const findings: Finding[] = []
  for (const ban of CODE_BANS) {
    if (!ban.where(file) || ban.exceptions?.[file.path] !== undefined) continue
    for (const match of file.code.matchAll(ban.pattern)) {
      findings.push({ path: file.path, line: lineAt(file.text, match.index), what: ban.what, why: ban.why })
    }
  }
  for (const ban of TEXT_BANS) {
    for (const match of file.text.matchAll(ban.pattern)) {
      findings.push({ path: file.path, line: lineAt(file.text, match.index), what: ban.what, why: ban.why })
    }
  }
  const lines = lineAt(file.text, file.text.length)
  if (lines > LINES_MAX && LONG_FILES[file.path] === undefined) {
    const why = `a file of more than ${LINES_MAX} lines holds more than one idea, or is noted in LONG_FILES with its reason`
    findings.push({ path: file.path, line: lines, what: `${lines} lines`, why })
  }
  const name = file.path.slice(file.path.lastIndexOf('/') + 1)
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|fuzz|d))?\.ts$/.test(name)) {
    findings.push({
      path: file.path,
      line: 1,
      what: 'the name',
      why: 'files are kebab-case, so that they are found by guessing',
    })
  }
  if (/(^|-)(utils?|helpers?|common|manager|misc)(-|\.)/.test(name)) {
    findings.push({
      path: file.path,
      line: 1,
      what: 'the name',
      why: 'a file is named with the noun of its idea; this one says nothing',
    })
  }
  return findings
}

/** Applies the direction of the rings and what may be imported at all. */
export function checkImports(file: SourceFile, packages: ReadonlyMap<string, Package>): readonly Finding[] {
  const findings: Finding[] = []
  const refuse = (item: Import, why: string): void => {
    findings.push({ path: file.path, line: item.line, what: `import of '${item.from}'`, why })
  }
  for (const item of file.imports) {
    if (item.from.startsWith('node:')) {
      if (isPure(file)) checkPureBuiltin(item, refuse)
      continue
    }
    if (item.from.startsWith('.')) {
      if (!resolvesInside(file, item.from))
        refuse(item, 'packages are reached by name, so that their index decides what is public')
      if (isShipped(file) && /(^|\/)testing\//.test(item.from))
        refuse(item, 'fakes are for tests, and never part of what runs')
      continue
    }
    if (!item.from.startsWith('@holdfast/')) continue
    const [, name = '', inner] = item.from.split('/')
    const target = packages.get(`@holdfast/${name}`)
    if (target === undefined) {
      refuse(item, 'there is no such package')
      continue
    }
    const { folder } = target
    const ring = RINGS.findIndex((ring) => folder.startsWith(`${ring}/`))
    const own = RINGS.indexOf(file.ring)
    const testingMay = file.isTest || file.ring === 'testing'
    if (RINGS[ring] === 'testing') {
      if (!testingMay) refuse(item, 'testing/ is how we know, never part of what runs')
    } else if (ring > own) {
      refuse(item, `${file.ring}/ imports nothing of ${RINGS[ring]}/: the rings are read downwards and import upwards`)
    } else if (RINGS[ring] === 'apps' && file.ring === 'apps' && folder !== file.package) {
      refuse(item, 'apps do not import apps: they meet in protocol/api')
    }
    if (inner === 'testing' && !testingMay) refuse(item, 'fakes are for tests, and never part of what runs')
    if (!target.exports.has(item.from.slice(`@holdfast/${name}`.length))) {
      refuse(item, 'a package is reached by what its exports map names; the rest is private')
    }
  }
  return findings
}

function checkPureBuiltin(item: Import, refuse: (item: Import, why: string) => void): void {
  if (item.from !== 'node:crypto') {
    refuse(item, `${PURE}: no built-in module but node:crypto, for hashing and verifying`)
    return
  }
  if (item.isTypeOnly) return
  for (const name of item.names) {
    if (!PURE_CRYPTO_NAMES.has(name) && !/^[A-Z]/.test(name)) {
      refuse(item, `${PURE}: '${name}' of node:crypto is not among the names whose output follows from their input`)
    }
  }
}

function resolvesInside(file: SourceFile, from: string): boolean {
  const parts = file.path.split('/').slice(0, -1)
  for (const part of from.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/').startsWith(`${file.package}/`)
}

/** Names a circle of packages within the shipped code, or undefined: a circle has no bottom to start reading at. */
export function findCircle(files: readonly SourceFile[], packages: ReadonlyMap<string, Package>): string | undefined {
  const needs = new Map<string, Set<string>>()
  for (const file of files) {
    if (!isShipped(file)) continue
    const own = needs.get(file.package) ?? new Set()
    needs.set(file.package, own)
    for (const item of file.imports) {
      const folder = packages.get(item.from.split('/').slice(0, 2).join('/'))?.folder
      if (folder !== undefined && folder !== file.package) own.add(folder)
    }
  }
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): string | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name].join(' → ')
    if (done.has(name)) return undefined
    for (const next of needs.get(name) ?? []) {
      const circle = visit(next, [...path, name])
      if (circle !== undefined) return circle
    }
    done.add(name)
    return undefined
  }
  for (const name of needs.keys()) {
    const circle = visit(name, [])
    if (circle !== undefined) return circle
  }
  return undefined
}
