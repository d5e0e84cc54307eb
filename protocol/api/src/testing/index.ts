/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { IDEMPOTENCY_KEY_CHARACTERS_MAX, readIdempotencyKey } from '../idempotency.ts'
import { JSON_DEPTH_MAX, JSON_MEMBERS_MAX, readStrictJson } from '../strict-json.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const decoder = new TextDecoder()
const encoder = new TextEncoder()

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'api-json',
    seeds: [
      '{"deviceId":"pump-1","tags":{"a":[1,-0.5,1e3,true,null]},"text":"\\u00e9\\n\\"\\\\"}',
      '{"a":{"b":1},"c":{"b":1},"":[{},[]]}',
      `${'['.repeat(32)}9007199254740991${']'.repeat(32)}`,
    ].map((text) => encoder.encode(text)),
    run(bytes) {
      const text = decoder.decode(bytes)
      const reading = readStrictJson(text)
      if (reading.kind === 'fault') return
      const measure = { members: 0, items: 0 }
      measured(reading.value, 0, measure)
      // Outside of strings a colon stands behind a name and nowhere else.
      const names = text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '').split(':').length - 1
      if (names !== measure.members) throw new Error('a name that stands twice was taken')
      if (measure.members + measure.items > JSON_MEMBERS_MAX) throw new Error('more members were taken than may be')
      if (JSON.stringify(reading.value) !== JSON.stringify(JSON.parse(text))) throw new Error('it is what it says')
    },
  },
  {
    name: 'idempotency-key',
    seeds: ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', 'a'.repeat(128), '""'].map((text) => encoder.encode(text)),
    run(bytes) {
      const header = decoder.decode(bytes)
      const key = readIdempotencyKey(header)
      if (key === undefined) return
      if (key === '' || key.length > IDEMPOTENCY_KEY_CHARACTERS_MAX) throw new Error('a key has 1 to 128 characters')
      if (header !== key && header !== `"${key}"`) throw new Error('a key is what stands in the header')
      // In quotes a backslash would stand for what follows it (RFC 9651 §3.3.3), and is refused.
      const quoted = readIdempotencyKey(`"${key}"`)
      if (quoted !== (key.includes('\\') ? undefined : key)) throw new Error('a key is the same in quotes')
    },
  },
]

/** Counts what is in a value that was taken. @throws Error for what may not be in one. */
function measured(value: unknown, depth: number, measure: { members: number; items: number }): void {
  if (depth > JSON_DEPTH_MAX) throw new Error('more levels were taken than may be')
  if (typeof value === 'string' && !value.isWellFormed()) throw new Error('a text without a UTF-8 form was taken')
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('a number that is none was taken')
  if (typeof value !== 'object' || value === null) return
  for (const [name, one] of Object.entries(value)) {
    if (Array.isArray(value)) measure.items += 1
    else {
      measure.members += 1
      measured(name, depth, measure)
    }
    measured(one, depth + 1, measure)
  }
}
