/** `holdfast witness` as a process, and curl in front of it. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const MAIN = join(import.meta.dirname, '../../../apps/witness/src/main.ts')

/** How long a start may take, in milliseconds, on a busy machine. */
const READY_MS_MAX = 60_000

export interface WitnessReady {
  readonly url: string
  readonly vkey: string
  readonly caFile: string
  readonly logs: readonly string[]
}

export class WitnessProcess {
  readonly ready: WitnessReady
  /** What it wrote to stderr. */
  readonly lines: string[]
  readonly #child: ChildProcess
  readonly #exit: Promise<void>

  private constructor(child: ChildProcess, ready: WitnessReady, lines: string[], exit: Promise<void>) {
    this.#child = child
    this.ready = ready
    this.lines = lines
    this.#exit = exit
  }

  /** @param logs vkeys that it is to know. Rejects when it ends before it is ready. */
  static async start(data: string, logs: readonly string[] = [], port = 0): Promise<WitnessProcess> {
    const args = ['--disallow-code-generation-from-strings', MAIN, '--data', data, '--listen', '127.0.0.1']
    args.push('--port', String(port), '--hostname', 'localhost', ...logs.flatMap((log) => ['--log', log]))
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const lines: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => lines.push(line))
    const exit = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const ready = await new Promise<WitnessReady>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the witness was not ready in time: ${lines.join('\n')}`)),
        READY_MS_MAX,
      )
      createInterface({ input: child.stdout }).on('line', (line) => {
        clearTimeout(timer)
        resolve(JSON.parse(line.replace(/^ready /, '')) as WitnessReady)
      })
      void exit.then(() => {
        clearTimeout(timer)
        reject(new Error(`the witness ended before it was ready: ${lines.join('\n')}`))
      })
    })
    return new WitnessProcess(child, ready, lines, exit)
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#exit
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exit
  }

  /** @param body of a POST; without one it is a GET. Rejects when curl could not reach it. */
  curl(
    path: string,
    body?: string,
  ): Promise<{ readonly status: number; readonly type: string; readonly text: string }> {
    const { url, caFile } = this.ready
    const args = ['-sS', '--cacert', caFile, '-w', '\n%{http_code} %{content_type}', `${url}${path}`]
    if (body !== undefined) args.push('--data-binary', '@-', '-H', 'content-type: text/plain')
    return new Promise((resolve, reject) => {
      const child = execFile('curl', args, (error, stdout) => {
        if (error !== null) return reject(new Error('curl failed', { cause: error }))
        const end = stdout.lastIndexOf('\n')
        const [status = '', ...type] = stdout.slice(end + 1).split(' ')
        resolve({ status: Number(status), type: type.join(' '), text: stdout.slice(0, end) })
      })
      child.stdin?.on('error', () => undefined)
      child.stdin?.end(body ?? '')
    })
  }
}
