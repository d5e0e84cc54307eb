import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HubFormatError } from '../errors.ts'
import { TWIN_JSON_DEPTH_MAX, TWIN_JSON_VALUES_MAX } from '../limits.ts'
import { parseTwinJson } from './twin-json.ts'

const bytesOf = (text: string): Uint8Array => Buffer.from(text)

function codeOf(text: string | Uint8Array): string | undefined {
  try {
    parseTwinJson(typeof text === 'string' ? bytesOf(text) : text)
    return undefined
  } catch (error) {
    if (error instanceof HubFormatError) return error.code
    throw error
  }
}

test('what the engine writes is read as the engine reads it (RFC 8259)', () => {
  const json = fc.jsonValue({ maxDepth: 8 }).filter((value) => JSON.stringify(value).isWellFormed())
  fc.assert(
    fc.property(json, fc.constantFrom(0, 1, '\t\r\n'), (value, space) => {
      const text = JSON.stringify(value, null, space)
      // Whole numbers that a double changes are refused, and are not what this is about.
      if (/(?<![\d.])\d{16}/.test(text)) return
      if (codeOf(text) === 'bad-json' && /\\ud[89a-f]/i.test(text)) return
      assert.equal(JSON.stringify(parseTwinJson(bytesOf(text))), JSON.stringify(JSON.parse(text)))
    }),
    { numRuns: 1_000 },
  )
})

test('what the engine does not take is not taken either', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...'{}[]:,"\\u0081e.-+ \n\t\0tfnulrasé'.split('')), { maxLength: 12 }),
      (parts) => {
        const text = parts.join('')
        let isJson = true
        try {
          JSON.parse(text)
        } catch {
          isJson = false
        }
        if (!isJson) assert.equal(codeOf(text), 'bad-json', text)
      },
    ),
    { numRuns: 5_000 },
  )
})

test('bad JSON is told from JSON that no twin can hold', () => {
  const bad = [
    '',
    ' ',
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '[1,]',
    '[,]',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '-',
    'NaN',
    'nul',
    'truex',
    '{} {}',
    '"\n"',
    '"\\x"',
    '"\\u12"',
    '"',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '{"\\ud800":1}',
    '// comment\n{}',
  ]
  for (const text of bad) assert.equal(codeOf(text), 'bad-json', text)
  for (const bytes of [[0xff], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x82]]) {
    assert.equal(codeOf(Uint8Array.from(bytes)), 'bad-json')
  }
  const lost = ['9007199254740993', '-9007199254740992', '1e400', '-1e400', `1${'0'.repeat(30)}`]
  for (const text of lost) assert.equal(codeOf(text), 'bad-twin', text)
})

test('numbers are kept as what they are, or refused', () => {
  const kept: readonly (readonly [string, string])[] = [
    ['4503599627370495', '4503599627370495'],
    ['-4503599627370496', '-4503599627370496'],
    ['-0', '0'],
    ['-0.0', '0'],
    ['1.0', '1'],
    ['1e3', '1000'],
    ['3.4028234663852886e38', '3.4028234663852886e+38'],
    ['5e-324', '5e-324'],
    ['1e-400', '0'],
  ]
  for (const [text, written] of kept) {
    assert.equal(JSON.stringify(parseTwinJson(bytesOf(text))), written)
    // What goes out can come back.
    assert.equal(JSON.stringify(parseTwinJson(bytesOf(written))), written)
  }
})

test('depth costs nothing but a refusal', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`
    assert.equal(codeOf(nested(TWIN_JSON_DEPTH_MAX)), undefined)
    assert.equal(codeOf(nested(TWIN_JSON_DEPTH_MAX + 1)), 'bad-twin')
    assert.equal(codeOf(open.repeat(100_000)), 'bad-twin')
  }
})

test('values have a bound, whatever they are', () => {
  for (const one of ['{}', '[]', '""', '1', 'null']) {
    const list = (count: number): string => `[${Array.from({ length: count }, () => one).join()}]`
    assert.equal(codeOf(list(TWIN_JSON_VALUES_MAX - 1)), undefined)
    assert.equal(codeOf(list(TWIN_JSON_VALUES_MAX)), 'bad-twin')
  }
})

test('keys of a peer are keys and nothing else', () => {
  const value = parseTwinJson(bytesOf('{"__proto__":{"a":1},"constructor":2,"toString":3}'))
  assert.equal(JSON.stringify(value), '{"__proto__":{"a":1},"constructor":2,"toString":3}')
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.equal(Reflect.get({}, 'a'), undefined)
})

test('a byte order mark is no part of the text (RFC 8259 §8.1)', () => {
  assert.equal(JSON.stringify(parseTwinJson(Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))), '{}')
})
