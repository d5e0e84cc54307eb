/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { formatBundleLine, parseBundleLine } from '../bundle.ts'
import { BundleVerifier } from '../verify.ts'
import { TestBundle } from './test-bundle.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const bundle = new TestBundle(3, { checkpoints: [1, 3] })
const whole = bundle.lines()
/** Bodies of entries that the log has; whatever verifies has no others. */
const bodies = new Set(whole.map((line) => (JSON.parse(line) as { readonly body?: string }).body))

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'audit-bundle-line',
    seeds: [
      ...whole.map((line) => Buffer.from(line.trimEnd())),
      Buffer.from('{"kind":"entry","index":0,"leaf":"","content":"shredded"}'),
    ],
    run(bytes) {
      const line = parseBundleLine(Buffer.from(bytes).toString('utf8'))
      if (line === undefined) return
      const again = parseBundleLine(formatBundleLine(line).trimEnd())
      if (JSON.stringify(again) !== JSON.stringify(line)) throw new Error('a line reads to itself again')
    },
  },
  {
    name: 'audit-bundle',
    seeds: [Buffer.from(whole.join('')), Buffer.from(new TestBundle(1).lines().join(''))],
    run(bytes) {
      const seen: (string | undefined)[] = []
      const verifier = new BundleVerifier({ key: bundle.log.key, onEntry: (_leaf, body) => seen.push(body) })
      for (const line of Buffer.from(bytes).toString('utf8').split('\n')) verifier.push(line)
      const verdict = verifier.end()
      if (verdict.isGood !== (verdict.findingCount === 0)) throw new Error('what is found is not good')
      if (!verdict.isGood || verdict.signedEntries < verdict.entries) return
      if (!seen.every((body) => body === undefined || bodies.has(body))) throw new Error('nothing is made up for a log')
    },
  },
]
