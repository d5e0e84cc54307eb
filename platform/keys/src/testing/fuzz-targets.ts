/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { KeyError } from '../errors.ts'
import { parseHomes } from '../home-file.ts'
import { parsePassphraseBox } from '../passphrase-box.ts'
import { formatRing, parseRing, verifyRing } from '../ring-file.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const MAC = new Uint8Array(32).fill(7)
const HOMES =
  '{"format":"holdfast-key-homes","version":1,"homes":[{"kind":"pkcs11","id":"pkcs11:0123456789abcdef","settings":{"module":"/m.so","token":"t"}},{"kind":"file","id":"file:0123456789abcdef","settings":{}}]}'
const RING = formatRing(
  { id: '0'.repeat(32), provider: 'file:0123456789abcdef', root: new Uint8Array(64), nextEpoch: 1, entries: [] },
  MAC,
)
const BOX = `{"argon2id":{"memoryKiB":65536,"passes":3,"lanes":4,"salt":"${'A'.repeat(22)}=="},"sealed":"AAAA"}`

function seeds(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof KeyError && (error.code === 'damaged' || error.code === 'newer')) return undefined
    throw error
  }
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'key-homes',
    seeds: seeds(HOMES, HOMES.replace('pkcs11:', 'tpm:'), '{"format":"holdfast-key-homes","version":2,"homes":[]}'),
    run(bytes) {
      const homes = unlessRefused(() => parseHomes(bytes, 'homes.json'))
      if (homes === undefined) return
      must(homes.length > 0 && homes.length <= 4, 'homes are few')
      for (const { kind, id } of homes) must(id.startsWith(`${kind}:`), 'an id is of its kind')
      const again = JSON.stringify({ format: 'holdfast-key-homes', version: 1, homes })
      must(
        JSON.stringify(parseHomes(Buffer.from(again), '')) === JSON.stringify(homes),
        'what was parsed parses to itself',
      )
    },
  },
  {
    name: 'key-ring',
    seeds: [RING],
    run(bytes) {
      const ring = unlessRefused(() => parseRing(bytes, 'ring.json'))
      if (ring === undefined) return
      const verified = unlessRefused(() => verifyRing(ring, MAC, 'ring.json'))
      if (verified === undefined) return
      const again = formatRing(verified, MAC)
      must(parseRing(again, '').mac === ring.mac, 'what verifies is written with the same seal')
    },
  },
  {
    name: 'passphrase-box',
    seeds: seeds(BOX),
    run(bytes) {
      let value: unknown
      try {
        value = JSON.parse(Buffer.from(bytes).toString('utf8'))
      } catch {
        return
      }
      const box = parsePassphraseBox(value)
      if (box === undefined) return
      must(box.argon2id.memoryKiB <= 1_048_576 && box.argon2id.passes <= 10, 'no box costs more than the bounds')
    },
  },
]
