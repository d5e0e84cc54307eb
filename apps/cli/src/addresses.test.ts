import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

test('no command writes down an address of /api/v1: the operations have them', () => {
  const files = globSync('**/*.ts', { cwd: import.meta.dirname }).filter((file) => !file.endsWith('.test.ts'))
  assert.ok(files.length > 50)
  const guilty = files.filter((file) => {
    // Where it is only spoken of, in comments and in help, it does no harm.
    const text = readFileSync(join(import.meta.dirname, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    return /['"`]\/?api\/v1|\$\{[^}]*\}\/?api\/v1/.test(text)
  })
  assert.deepEqual(guilty, [])
})
