import assert from 'node:assert/strict'
import { test } from 'node:test'
import { standingClock } from '@holdfast/keys/testing'
import { memoryAuthority } from '../../testing/memory-authority.ts'
import { HubCertificateError } from '../certificate-file.ts'
import { formatState, parseState } from './authority-state.ts'
import { parseRootBundle } from './root-bundle.ts'

const { authority, folder } = await memoryAuthority(standingClock())
await authority.beginRollover({}, 'operator')
const textOf = async (name: string): Promise<string> =>
  Buffer.from((await folder.read(name, 1_000_000))?.bytes ?? []).toString()
const state = await textOf('authority.json')
const bundle = await textOf('root-bundle.json')

test('a state that is read is written as the same', () => {
  const again = formatState(parseState(state, 'file')).toString()
  assert.deepEqual(JSON.parse(again), JSON.parse(state))
})

test('a state whose parts do not fit each other is damaged', () => {
  const whole: Record<string, unknown> = JSON.parse(state)
  const changes: readonly Record<string, unknown>[] = [
    { current: 99 },
    { rollover: { ...(whole.rollover as object), generation: whole.current } },
    { rollover: { ...(whole.rollover as object), serving: 'both' } },
    { next: 2 },
    { generations: [] },
    { issuers: [] },
    { issuers: [{ number: 1, generation: 99 }] },
    { issuers: Array.from({ length: 100 }, (_, number) => ({ number, generation: 1 })) },
    { revoked: [{ generation: 1, serialNumber: 'x', at: 1 }] },
    { revoked: undefined },
    { version: 2 },
    { format: 'x' },
  ]
  for (const change of changes) {
    const text = JSON.stringify({ ...whole, ...change })
    assert.throws(() => parseState(text, 'file'), HubCertificateError, JSON.stringify(change))
  }
})

test('whatever becomes of the bytes, a state and a bundle are read whole or refused by name', () => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  for (const [text, parse] of [
    [state, parseState],
    [bundle, parseRootBundle],
  ] as const) {
    for (let round = 0; round < 2_000; round += 1) {
      const at = random(text.length)
      const cut = random(12)
      const added = String.fromCharCode(random(128)).repeat(random(3))
      const changed = text.slice(0, at) + added + text.slice(at + cut)
      try {
        parse(changed, 'file')
      } catch (error) {
        assert.ok(error instanceof HubCertificateError, `${String(error)}: ${changed.slice(at - 20, at + 20)}`)
      }
    }
  }
})
