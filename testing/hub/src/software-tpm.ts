/**
 * A TPM 2.0 in a process of its own: swtpm, which is others' code from the first byte to the last, and tpm2-tools beside it
 * for a second opinion. One client at a time: whoever holds a connection closes it before a tool is run.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

/** How long swtpm may take until it answers, and a tool until it is done (an RSA key of a software TPM), in milliseconds. */
const READY_MS_MAX = 20_000
const TOOL_MS_MAX = 60_000
/** How often another pair of ports is tried. */
const STARTS_MAX = 10

export class SoftwareTpm {
  /** Its state, and where tools leave their files. */
  readonly folder: string
  /** Where it takes commands; its control channel is the next port, as tpm2-tss wants it. */
  readonly port: number
  readonly #child: ChildProcess

  private constructor(folder: string, port: number, child: ChildProcess) {
    this.folder = folder
    this.port = port
    this.#child = child
  }

  /** @param folder made if it is not there; a state that stands in it (of `manufacture`, of a run before) is gone on with. */
  static async start(folder: string): Promise<SoftwareTpm> {
    const state = join(folder, 'state')
    await mkdir(state, { recursive: true })
    for (let attempt = 0; attempt < STARTS_MAX; attempt++) {
      const port = await freePort()
      const parameters = [
        'socket --tpm2 --flags not-need-init,startup-clear',
        `--server type=tcp,port=${port},bindaddr=127.0.0.1`,
        `--ctrl type=tcp,port=${port + 1},bindaddr=127.0.0.1`,
        '--tpmstate',
      ].flatMap((part) => part.split(' '))
      const child = spawn('swtpm', [...parameters, `dir=${state}`], { stdio: 'ignore' })
      if (await isListening(child, port)) return new SoftwareTpm(folder, port, child)
    }
    throw new Error('swtpm does not start')
  }

  /**
   * Runs tools against this TPM in its folder, one after the other, then drops what transient objects they leave, for swtpm
   * has no resource manager and room for three.
   * @param lines a tool and its parameters each, between single spaces.
   * @returns what the last one wrote to stdout.
   * @throws Error with what the tool wrote if it ends with another code than 0.
   */
  async tools(...lines: readonly string[]): Promise<string> {
    let stdout = ''
    for (const line of lines) stdout = await this.#run(line)
    await this.#run('tpm2_flushcontext -t')
    return stdout
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exit
  }

  async #run(line: string): Promise<string> {
    const [name = '', ...parameters] = line.split(' ')
    const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${this.port}` }
    const { stdout } = await run(name, parameters, { cwd: this.folder, env, timeout: TOOL_MS_MAX })
    return stdout
  }
}

async function isListening(child: ChildProcess, port: number): Promise<boolean> {
  const until = performance.now() + READY_MS_MAX
  while (performance.now() < until) {
    if (child.exitCode !== null) return false
    if ((await isOpen(port)) && (await isOpen(port + 1))) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  child.kill('SIGKILL')
  return false
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
