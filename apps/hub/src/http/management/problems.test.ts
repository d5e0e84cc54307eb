import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { PROBLEMS, problemsPage } from '@holdfast/api'
import { DPS_ERRORS } from '@holdfast/dps'

const HTTP = join(import.meta.dirname, '..')

/** Codes that the source gives to problems: in facts, and in tables of statuses by code. */
function codesIn(source: string): readonly string[] {
  const inFacts = [...source.matchAll(/\bcode: '([a-z0-9-]+)'/g)].map(([, code = '']) => code)
  const inRows = [...source.matchAll(/^ {2}'?([a-z-]+)'?: \[\d{3}, ['"`]/gm)].map(([, code = '']) => code)
  return [...inFacts, ...inRows]
}

function sources(folder: string): readonly string[] {
  return (
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !/^(hub|device|est)\//.test(name))
      // Its rows are kinds of outcomes; the codes have a word before them.
      .filter((name) => name !== 'management/methods.ts')
      .map((name) => readFileSync(join(folder, name), 'utf8'))
  )
}

test('every code that a refusal can have stands in the table of problems', () => {
  const codes = [...sources(HTTP), ...sources(join(HTTP, '../people'))].flatMap(codesIn)
  assert.ok(codes.length > 80, `codes are found in the source: ${codes.length}`)
  const unknown = [...new Set(codes)].filter((code) => PROBLEMS[code] === undefined)
  assert.deepEqual(unknown, [])
})

test('those of provisioning stand there too, but for the ones that its own addresses have', () => {
  const ownAddresses = new Set([
    'bad-continuation',
    'bad-api-version',
    'unauthorized',
    'registration-not-found',
    'operation-not-found',
  ])
  for (const [code, { status }] of Object.entries(DPS_ERRORS)) {
    if (ownAddresses.has(code)) continue
    assert.ok(PROBLEMS[code]?.statuses.includes(status), `${code} ${status}`)
  }
})

test('the page of refusals is the table: holdfast api problems > docs/problems.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../../docs/problems.md'), 'utf8')
  assert.equal(page, problemsPage())
})
