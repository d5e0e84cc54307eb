/** The verifier in Python (`verifier/`), as a process: nothing of ours is on its side. */

import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { requireTool } from '@holdfast/testing-tidy'

const PROGRAM = join(import.meta.dirname, 'verifier', 'verify.py')

export interface IndependentVerdict {
  readonly good: boolean
  readonly entries?: number
  readonly signed?: number
  readonly size?: number
  readonly refused?: string
  readonly findings?: readonly { readonly first: number; readonly kind: string; readonly reason: string }[]
  readonly signatures?: readonly (readonly [string, number | null])[]
  readonly cosigned?: Readonly<Record<string, readonly [number, number]>>
  readonly types?: readonly string[]
}

/** For the `skip` of tests that need it. */
export function requirePython(): string | false {
  const missing = requireTool('python3')
  if (missing !== false) return missing
  if (spawnSync('python3', ['-c', 'import cryptography']).status === 0) return false
  const reason = "python3 has no module cryptography (Debian's python3-cryptography)"
  if (process.env.CI === 'true') throw new Error(`under CI=true nothing is skipped: ${reason}`)
  return reason
}

/** Runs it; rejects when it prints no verdict. */
export function verifyIndependently(...args: readonly string[]): Promise<IndependentVerdict> {
  return new Promise((resolve, reject) => {
    execFile('python3', ['-B', PROGRAM, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      try {
        const verdict = JSON.parse(stdout) as IndependentVerdict
        // The exit code is what scripts go by.
        if (verdict.good !== (error === null)) throw new Error('its exit code is not what it says')
        resolve(verdict)
      } catch (cause) {
        reject(new Error(`the verifier in Python failed: ${stderr.slice(-2_000)}`, { cause }))
      }
    })
  })
}
