import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EVENT_TYPES, EVENTS, isEventType } from './index.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const SOURCES = globSync('{domain,platform,apps}/*/src/**/*.ts', { cwd: ROOT, exclude: ['**/node_modules/**'] })
  .filter((file) => !/\.(test|fuzz)\.ts$|\/testing\/|domain\/audit\/src\/catalogue\//.test(file))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))

/** What events are called: a noun, a dot, what happened to it. */
const TYPE = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/

test('a type is a noun and what happened to it, with a version from 1 and named facts', () => {
  for (const type of EVENT_TYPES) {
    const { version, detail } = EVENTS[type]
    assert.match(type, TYPE)
    assert.ok(Number.isSafeInteger(version) && version >= 1, type)
    for (const name of Object.keys(detail)) assert.match(name, /^[a-z][A-Za-z0-9]*$/, type)
    assert.ok(!('repeated' in detail), `${type}: the throttle adds this`)
  }
})

test('whatever source makes an event, its type is in the catalogue', () => {
  const unknown = SOURCES.flatMap(({ file, text }) =>
    text.includes('@holdfast/audit') || text.includes('events')
      ? [...text.matchAll(/(?:type: |#?(?:emit|tell)\()'([^']+)'/g)].flatMap(([, type]) =>
          type !== undefined && TYPE.test(type) && !isEventType(type) ? [`${file}: ${type}`] : [],
        )
      : [],
  )
  assert.deepEqual(unknown, [])
})

test('a name that every object has is no type', () => {
  for (const name of ['constructor', '__proto__', 'toString', '']) assert.equal(isEventType(name), false)
})
