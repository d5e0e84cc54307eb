/** The hub as a process: started as its users start it, killed as a power cut would, its log kept. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = join(import.meta.dirname, '../../..')
const MAIN = join(ROOT, 'apps/hub/src/main.ts')
/** As the command `holdfast` has it. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/holdfast/compiled')

/** Latest lines of the log that are kept. */
const LINES_MAX = 50_000
/** How long a start may take, in milliseconds; on a busy machine many times the usual second. */
const READY_MS_MAX = 60_000

export interface HubStart {
  readonly data: string
  readonly mqttPort: number
  readonly httpsPort: number
  /** Further options of `holdfast up`. */
  readonly options?: readonly string[]
  /** Further options of Node. */
  readonly nodeOptions?: readonly string[]
}

export interface Ready {
  readonly hostname: string
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
  readonly caFile: string
  readonly pid: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One line of the hub's log, `--log-format json`. */
export interface LogLine {
  readonly level: string
  readonly event?: string
  readonly subject?: string
  readonly actor?: string
  readonly detail?: Readonly<Record<string, unknown>>
  readonly text: string
}

export class HubProcess {
  /** Rejects when the process ends before it is ready, with what it wrote. */
  readonly ready: Promise<Ready>
  readonly exit: Promise<Exit>
  /** What it wrote to stderr, the latest lines. */
  readonly lines: LogLine[] = []
  readonly #child: ChildProcess
  #hasExited = false

  private constructor(child: ChildProcess) {
    this.#child = child
    const { stdout, stderr } = child
    if (stdout === null || stderr === null) throw new TypeError('started with pipes')
    createInterface({ input: stderr }).on('line', (text) => {
      if (this.lines.length >= LINES_MAX) this.lines.splice(0, LINES_MAX / 2)
      this.lines.push(logLineOf(text))
    })
    // 'close', not 'exit': by then all it wrote has been read.
    this.exit = new Promise((resolve) =>
      child.once('close', (code, signal) => {
        this.#hasExited = true
        resolve({ code, signal })
      }),
    )
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the hub was not ready in time:\n${this.text}`)), READY_MS_MAX)
      createInterface({ input: stdout }).on('line', (line) => {
        clearTimeout(timer)
        if (line.startsWith('ready ')) resolve(readyOf(JSON.parse(line.slice('ready '.length))))
        else reject(new Error(`stdout is for the ready line, not for: ${line}`))
      })
      void this.exit.then(({ code, signal }) => {
        clearTimeout(timer)
        reject(new Error(`the hub ended (${code ?? signal}) before it was ready:\n${this.text}`))
      })
    })
    // Who kills a hub that is starting does not wait for `ready`.
    this.ready.catch(() => undefined)
  }

  /** Starts `holdfast up`; the flags of Node are those of the command `holdfast`. */
  static launch({ data, mqttPort, httpsPort, options = [], nodeOptions = [] }: HubStart): HubProcess {
    const args = [
      ...nodeOptions,
      '--disallow-code-generation-from-strings',
      MAIN,
      '--data',
      data,
      '--log-format',
      'json',
    ]
    args.push('--listen', '127.0.0.1', '--hostname', 'localhost')
    args.push('--mqtt-port', String(mqttPort), '--amqp-port', '0', '--https-port', String(httpsPort), ...options)
    const env = { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env }
    return new HubProcess(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env }))
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error('the hub could not be started')
    return pid
  }

  get hasExited(): boolean {
    return this.#hasExited
  }

  /** All that is kept of its log. */
  get text(): string {
    return this.lines.map(({ text }) => text).join('\n')
  }

  /** Sends a signal; resolves when the process has ended. */
  end(signal: NodeJS.Signals): Promise<Exit> {
    this.#child.kill(signal)
    return this.exit
  }
}

function logLineOf(text: string): LogLine {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null && 'level' in line) {
      return { ...(line as Omit<LogLine, 'text'>), text }
    }
  } catch {
    // A line for people, such as why a start is refused.
  }
  return { level: 'text', text }
}

function readyOf(value: unknown): Ready {
  const isReady =
    typeof value === 'object' &&
    value !== null &&
    ['hostname', 'caFile'].every((key) => typeof Reflect.get(value, key) === 'string') &&
    ['mqttPort', 'amqpPort', 'httpsPort', 'pid'].every((key) => typeof Reflect.get(value, key) === 'number')
  if (!isReady) throw new Error(`the ready line lacks something: ${JSON.stringify(value)}`)
  return value as Ready
}
