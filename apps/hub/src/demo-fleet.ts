/** The demonstration fleet of `up --demo`: another process, that reaches the hub as any device does, over TLS. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Ready } from './hub.ts'
import type { Settings } from './settings.ts'

const PROGRAM = join(import.meta.dirname, '..', '..', 'fleet', 'src', 'main.ts')

export class DemoFleet {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>

  private constructor(child: ChildProcess, say: (line: string) => void) {
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
    // Where no process can be started, 'close' follows.
    child.on('error', (error) => say(`the demonstration fleet cannot be started: ${error.message}\n`))
    child.stderr?.on('data', (chunk: Buffer) => say(chunk.toString()))
  }

  static start(settings: Settings, ready: Ready, say: (line: string) => void): DemoFleet {
    const args = ['demo', '--data', settings.data, '--port', String(ready.mqttPort), '--ca', ready.caFile]
    const child = spawn(process.execPath, ['--disallow-code-generation-from-strings', PROGRAM, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return new DemoFleet(child, say)
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}
