/**
 * Entries of the audit log verified a second on one thread, with their bodies: each is two hashes of its own, an HMAC and the
 * reading of its line. Beside it, SHA-256 over the same bytes in one stroke, which no verification can beat.
 */

import { hash } from 'node:crypto'
import { BundleVerifier } from '@holdfast/audit'
import { TestBundle } from '@holdfast/audit/testing'
import type { Row } from './table.ts'

const ENTRIES = 20_000

export function auditVerificationRows({
  rounds,
  progress,
}: {
  readonly rounds: number
  readonly progress: (text: string) => void
}): readonly Row[] {
  progress(`making a log of ${ENTRIES} entries`)
  const bundle = new TestBundle(ENTRIES, { checkpoints: [1_000, 10_000, ENTRIES] })
  const lines = bundle.lines().map((line) => line.trimEnd())
  const bytes = Buffer.from(lines.join('\n'))
  const verified: number[] = []
  const bare: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    progress(`audit verification: round ${round} of ${rounds}`)
    const isCounted = round > 0
    const ours = entriesPerSecond(() => {
      const verifier = new BundleVerifier({ key: bundle.log.key })
      for (const line of lines) verifier.push(line)
      if (!verifier.end().isGood) throw new Error('what is measured does not hold')
    })
    const physical = entriesPerSecond(() => hash('sha256', bytes))
    if (!isCounted) continue
    verified.push(ours)
    bare.push(physical)
  }
  return [
    {
      what: `audit entries verified, with bodies (${Math.round(bytes.length / ENTRIES)} B each), one thread`,
      unit: 'a second',
      values: new Map([
        ['holdfast', verified],
        ['bare SHA-256 of the same bytes', bare],
      ]),
      isMoreBetter: true,
    },
  ]
}

function entriesPerSecond(act: () => unknown): number {
  const start = performance.now()
  act()
  return (ENTRIES * 1_000) / (performance.now() - start)
}
