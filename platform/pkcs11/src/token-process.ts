/**
 * The hub's end of the process that holds the token: started when it is needed, and started again, with growing pauses,
 * when it has crashed or hung. The PIN goes over the pipe; a wrong one is never tried twice.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { KeyError, type KeyErrorCode } from '@holdfast/keys'
import { ANSWER_MS_MAX, RESTART_MS_MAX, RESTART_MS_MIN, STEADY_MS, WAITING_MAX } from './limits.ts'
import {
  LineReader,
  parseReply,
  type TokenAnswer,
  type TokenFault,
  type TokenReply,
  type TokenRequest,
} from './messages.ts'

const ENTRY = fileURLToPath(new URL('./token-child.ts', import.meta.url))

export interface TokenPlace {
  /** Path of the module's library. */
  readonly module: string
  /** Label of the token. */
  readonly token: string
}

export interface TokenProcessOptions extends TokenPlace {
  /** Asked for at the first login, and kept for the logins after a crash; see `close`. */
  readonly pin: () => Promise<Uint8Array>
  /** Monotonic milliseconds. */
  readonly now: () => number
}

interface Waiting {
  readonly resolve: (answer: TokenAnswer) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

interface Running {
  readonly child: ChildProcess
  readonly pipe: Socket
  readonly startedAt: number
}

export class TokenProcess {
  readonly #options: TokenProcessOptions
  readonly #waiting = new Map<number, Waiting>()
  #running: Promise<Running> | undefined
  #pin: Uint8Array | undefined
  /** A token that has refused a PIN is not asked again: it counts. */
  #refusal: KeyError | undefined
  #nextId = 1
  #notBefore = 0
  #pauseMs = RESTART_MS_MIN
  #isClosed = false

  constructor(options: TokenProcessOptions) {
    this.#options = options
  }

  /**
   * @throws KeyError `unavailable` (also while it pauses after a crash), `missing`, `damaged`, `refused`.
   */
  async request(request: Exclude<TokenRequest, { readonly op: 'login' }>): Promise<TokenAnswer> {
    return this.#ask(await this.#ready(), request)
  }

  /** Process id, for tests and operators; undefined while there is none. */
  async processId(): Promise<number | undefined> {
    return (await this.#running)?.child.pid
  }

  /** Ends the process and forgets the PIN. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#pin?.fill(0)
    this.#pin = undefined
    const running = await this.#running?.catch(() => undefined)
    if (running === undefined) return
    const ended = new Promise((resolve) => running.child.once('close', resolve))
    running.pipe.end()
    const timer = setTimeout(() => running.child.kill('SIGKILL'), CLOSE_MS_MAX)
    if (running.child.exitCode === null && running.child.signalCode === null) await ended
    clearTimeout(timer)
  }

  async #ready(): Promise<Running> {
    if (this.#isClosed) throw new KeyError('unavailable', 'the token was let go of')
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.#running !== undefined) return this.#running
    const wait = this.#notBefore - this.#options.now()
    if (wait > 0) {
      throw new KeyError(
        'unavailable',
        `the process that holds the token has failed; the next starts in ${Math.ceil(wait / 1000)} s`,
      )
    }
    const starting = this.#start()
    this.#running = starting
    starting.catch(() => {
      if (this.#running === starting) this.#running = undefined
    })
    return starting
  }

  async #start(): Promise<Running> {
    this.#pin ??= await this.#options.pin()
    const pin = Buffer.from(this.#pin).toString('utf8')
    const child = spawn(process.execPath, ['--disallow-code-generation-from-strings', '--disable-sigusr1', ENTRY], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: environment(),
    })
    const pipe = child.stdio[3]
    if (!(pipe instanceof Socket)) throw new TypeError('the fourth of its streams is a pipe')
    const running = { child, pipe, startedAt: this.#options.now() }
    const reader = new LineReader((line) => this.#take(line, child))
    pipe.on('data', (chunk: Buffer) => {
      if (!reader.push(chunk)) child.kill('SIGKILL')
    })
    // Told by the end of the process.
    pipe.on('error', () => undefined)
    child.once('error', () => this.#ended(running, 'it could not be started'))
    child.once('close', (code, signal) =>
      this.#ended(running, signal === null ? `it ended (${code})` : `it ended by ${signal}`),
    )
    try {
      await this.#ask(running, { op: 'login', module: this.#options.module, token: this.#options.token, pin })
    } catch (error) {
      if (error instanceof KeyError && error.code === 'refused') this.#refusal = error
      this.#pause()
      pipe.end()
      child.kill('SIGKILL')
      throw error
    }
    return running
  }

  #ask({ child, pipe }: Running, request: TokenRequest): Promise<TokenAnswer> {
    if (this.#waiting.size >= WAITING_MAX) {
      return Promise.reject(new KeyError('unavailable', 'too many wait for the token; try again shortly'))
    }
    const id = this.#nextId
    this.#nextId += 1
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // It hangs in there, and whoever comes next would hang with it. Its end rejects whoever waits.
        child.kill('SIGKILL')
        this.#settle(id)?.reject(new KeyError('unavailable', 'the token did not answer in time'))
      }, ANSWER_MS_MAX)
      this.#waiting.set(id, { resolve, reject, timer })
      pipe.write(`${JSON.stringify({ id, request })}\n`)
    })
  }

  #take(line: string, child: ChildProcess): void {
    const reply = parseReply(line)
    if (reply === undefined) {
      child.kill('SIGKILL')
      return
    }
    const waiting = this.#settle(reply.id)
    if (waiting === undefined) return
    if ('answer' in reply) waiting.resolve(reply.answer)
    else waiting.reject(errorOf(reply))
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return undefined
    this.#waiting.delete(id)
    clearTimeout(waiting.timer)
    return waiting
  }

  #ended(running: Running, how: string): void {
    if (this.#options.now() - running.startedAt > STEADY_MS) this.#pauseMs = RESTART_MS_MIN
    this.#running = undefined
    this.#pause()
    for (const id of this.#waiting.keys()) {
      this.#settle(id)?.reject(new KeyError('unavailable', `the process that holds the token is gone: ${how}`))
    }
  }

  #pause(): void {
    if (this.#notBefore > this.#options.now()) return
    this.#notBefore = this.#options.now() + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, RESTART_MS_MAX)
  }
}

const CLOSE_MS_MAX = 2_000

const CODES: Readonly<Record<TokenFault, KeyErrorCode>> = {
  refused: 'refused',
  missing: 'missing',
  damaged: 'damaged',
  unavailable: 'unavailable',
}

function errorOf(reply: Extract<TokenReply, { readonly fault: TokenFault }>): KeyError {
  return new KeyError(CODES[reply.fault], reply.message)
}

/** Modules are configured by the environment; what is the hub's own there is not theirs to see. */
function environment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env)
  return Object.fromEntries(entries.filter(([name]) => !/^(HOLDFAST_|NODE_OPTIONS$|CREDENTIALS_DIRECTORY$)/.test(name)))
}
