/** The command `holdfast`, but for `up` and `fleet`, which are programs of their own. */

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { askSecret } from '@holdfast/keys/secret-input'
import { run } from './run.ts'

const interruption = new AbortController()
// The first interrupt ends a command that follows, in order; the second ends the process.
process.once('SIGINT', () => interruption.abort())
process.once('SIGTERM', () => interruption.abort())
// `holdfast messages read | head` has had enough: no fault.
process.stdout.on('error', (error: Error & { readonly code?: string }) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

process.exitCode = await run(
  process.argv.slice(2),
  {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    now: Date.now,
    interrupted: interruption.signal,
    askSecret: (question) => askSecret(question, { input: process.stdin, output: process.stderr }),
    async confirm(question) {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
      const asking = createInterface({ input: process.stdin, output: process.stderr })
      try {
        return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `, { signal: interruption.signal })).trim())
      } catch {
        return false
      } finally {
        asking.close()
      }
    },
  },
  manifest.version,
)
