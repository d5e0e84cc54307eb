import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inexactVersions, isLicenceAllowed } from './dependencies.ts'
import { mask } from './mask.ts'
import { checkCode, checkImports, findCircle, LINES_MAX } from './rules.ts'
import { parseSource } from './source-file.ts'

const packages = new Map(
  ['protocol/base', 'domain/pki', 'platform/node', 'apps/hub', 'apps/cli', 'testing/crash'].map((folder) => {
    const [ring = '', name = ''] = folder.split('/')
    const exports = new Set(name === 'node' ? ['', '/front-thread'] : ['', '/testing'])
    return [ring === 'testing' ? `@holdfast/testing-${name}` : `@holdfast/${name}`, { folder, exports }] as const
  }),
)

const codeOf = (path: string, text: string): readonly string[] =>
  checkCode(parseSource(path, text)).map((it) => it.what)
const importsOf = (path: string, text: string): readonly string[] =>
  checkImports(parseSource(path, text), packages).map((it) => it.what)

test('masking keeps length and lines, and only code', () => {
  const text = "a /* Date.now */ 'x' // y\n`p${b + `q${c}`}r` / 2 / d; return /[/]'/.test(e)"
  const masked = mask(text)
  assert.equal(masked.length, text.length)
  assert.doesNotMatch(masked, /Date|x|y|p|q|\[/)
  for (const kept of ['a', 'b +', 'c', '/ 2 / d', '.test(e)']) assert.ok(masked.includes(kept), kept)
})

test('pure code may not ask for time, chance or the world', () => {
  const samples: readonly (readonly [string, string])[] = [
    ['Date.now()', 'the clock'],
    ['new Date()', 'the clock'],
    ['performance.now()', 'the clock'],
    ['const t = setTimeout', 'setTimeout'],
    ['process.env.X', 'process'],
    ['console.log(1)', 'console'],
    ['crypto.getRandomValues(a)', 'randomness'],
    ['await fetch(u)', 'fetch'],
    ["await import('x')", 'import.meta or a dynamic import'],
  ]
  for (const [text, what] of samples) {
    assert.ok(codeOf('protocol/base/src/a.ts', text).includes(what), text)
    assert.ok(codeOf('domain/pki/src/a.ts', text).includes(what), text)
    assert.deepEqual(codeOf('platform/node/src/a.ts', text), [], text)
    assert.deepEqual(codeOf('protocol/base/src/a.test.ts', text), [], text)
  }
  for (const fine of [
    'new Date(at).toISOString()',
    'x.process()',
    'f({ process: 1 })',
    "'Date.now()'",
    '// Date.now()',
  ]) {
    assert.deepEqual(codeOf('protocol/base/src/a.ts', fine), [], fine)
  }
})

test('nobody may use Math.random, eval, default exports, notes to come back or lone tests', () => {
  const samples = [
    'Math.random()',
    'eval(x)',
    'new Function(x)',
    'export default 1',
    "export * from './a.ts'",
    '// TO' + 'DO later',
    'test.only(1)',
    "test.skip('x')",
    'test(1, { skip: true })',
    '// @ts-' + 'ignore',
  ]
  for (const sample of samples) assert.equal(codeOf('apps/hub/src/a.test.ts', sample).length, 1, sample)
  assert.deepEqual(codeOf('protocol/api/src/index.ts', "export * as Api from './management.ts'"), [])
})

test('names are kebab-case nouns and files are short', () => {
  assert.deepEqual(codeOf('apps/hub/src/string-utils.ts', ''), ['the name'])
  assert.deepEqual(codeOf('apps/hub/src/DeviceStore.ts', ''), ['the name'])
  assert.equal(codeOf('apps/hub/src/a.ts', '\n'.repeat(LINES_MAX)).length, 1)
})

test('imports run towards protocol/ only', () => {
  assert.equal(importsOf('protocol/base/src/a.ts', "import { x } from '@holdfast/pki'").length, 1)
  assert.equal(importsOf('protocol/base/src/a.test.ts', "import { x } from '@holdfast/pki'").length, 1)
  assert.equal(importsOf('domain/pki/src/a.ts', "import type { x } from '@holdfast/node'").length, 1)
  assert.equal(importsOf('domain/pki/src/a.ts', "export { x } from '@holdfast/node'").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "import { x } from '@holdfast/hub'").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "await import('@holdfast/hub')").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "import '../../hub/src/main.ts'").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "import { x } from '@holdfast/testing-crash'").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "import { x } from '@holdfast/base/src/deep.ts'").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "import { x } from '@holdfast/base/testing'").length, 1)
  assert.equal(importsOf('apps/cli/src/a.ts', "import { x } from '@holdfast/absent'").length, 1)
  const fine =
    "import {\n  x,\n  type Y,\n} from '@holdfast/base'\nimport { z } from './z.ts'\nimport { f } from 'node:fs'"
  assert.deepEqual(importsOf('apps/cli/src/a.ts', fine), [])
  assert.deepEqual(importsOf('apps/cli/src/a.test.ts', "import { x } from '@holdfast/testing-crash'"), [])
})

test('pure code takes of node:crypto only what follows from its input, and no other built-in', () => {
  assert.equal(importsOf('protocol/base/src/a.ts', "import { randomBytes } from 'node:crypto'").length, 1)
  assert.equal(importsOf('protocol/base/src/a.ts', "import * as c from 'node:crypto'").length, 1)
  assert.equal(importsOf('protocol/base/src/a.ts', "import c from 'node:crypto'").length, 1)
  assert.equal(importsOf('protocol/base/src/a.ts', "import { readFileSync } from 'node:fs'").length, 1)
  assert.deepEqual(importsOf('protocol/base/src/a.ts', "import { createHmac, type KeyObject } from 'node:crypto'"), [])
  assert.deepEqual(importsOf('protocol/base/src/a.test.ts', "import { readFileSync } from 'node:fs'"), [])
})

test('a circle of packages is named', () => {
  const one = parseSource('domain/pki/src/a.ts', "import { x } from '@holdfast/base'")
  const other = parseSource('protocol/base/src/a.ts', "import { x } from '@holdfast/pki'")
  assert.equal(findCircle([one, other], packages), 'domain/pki → protocol/base → domain/pki')
  assert.equal(findCircle([one], packages), undefined)
})

test('ranges are not exact, licences are read as expressions', () => {
  assert.deepEqual(inexactVersions({ dependencies: { a: '1.2.3', b: '^1.2.3', c: '*', d: 'latest' } }), [
    'b@^1.2.3',
    'c@*',
    'd@latest',
  ])
  assert.equal(isLicenceAllowed({ license: '(MIT OR GPL-3.0)' }), true)
  assert.equal(isLicenceAllowed({ license: 'MIT AND GPL-3.0' }), false)
  assert.equal(isLicenceAllowed({ licenses: [{ type: 'MIT' }] }), true)
  assert.equal(isLicenceAllowed({}), false)
})
