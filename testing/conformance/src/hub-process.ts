/** A hub as its users start it: `holdfast up` on a fresh data folder, reached by its ports, its CLI and its local socket. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { Api } from '@holdfast/api'
import { ADDRESS, AMQP_PORT, HTTPS_PORT, MQTT_PORT } from './standard-ports.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const HOLDFAST = join(ROOT, 'holdfast')
/** Until the ready line, in milliseconds: a second or two, and more where all processors are busy with other tests. */
const START_MS_MAX = 120_000
const COMMAND_MS_MAX = 60_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** The line `ready {…}` (interfaces.md). */
export interface Ready {
  readonly hostname: string
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
  readonly caFile: string
  readonly idScope: string
  readonly pid: number
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ApiAnswer<T> {
  readonly status: number
  readonly body: T
}

export class HubProcess {
  readonly ready: Ready
  readonly data: string
  /** PEM of the root that clients must trust. */
  readonly ca: string
  readonly #child: ChildProcess
  readonly #log: string[]

  private constructor(child: ChildProcess, data: string, ready: Ready, log: string[]) {
    this.#child = child
    this.data = data
    this.ready = ready
    this.ca = readFileSync(ready.caFile, 'utf8')
    this.#log = log
  }

  /**
   * @param ports those of the standard (to be had by `requireStandardPorts`), or any that are free.
   * @throws Error with what the hub said, when it does not become ready.
   */
  static async start(ports: 'standard' | 'free'): Promise<HubProcess> {
    const data = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'))
    const [mqtt, amqp, https] = ports === 'standard' ? [MQTT_PORT, AMQP_PORT, HTTPS_PORT] : [0, 0, 0]
    const listening = ['--mqtt-port', String(mqtt), '--amqp-port', String(amqp), '--https-port', String(https)]
    const where = [...listening, '--listen', ADDRESS]
    const child = spawn('sh', [HOLDFAST, 'up', '--data', data, '--hostname', 'localhost', ...where], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // A test run that is broken off leaves no hub behind.
    const kill = (): void => {
      child.kill('SIGKILL')
      rmSync(data, { recursive: true, force: true })
    }
    process.once('exit', kill)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1))
    const log: string[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => log.push(text))
    try {
      return new HubProcess(child, data, await readyLine(child, log), log)
    } catch (error) {
      kill()
      throw error
    }
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log.join('')
  }

  /** Has TLS clients of this process trust the hub, as NODE_EXTRA_CA_CERTS does for a whole program. */
  trust(): void {
    setDefaultCACertificates([...getCACertificates('default'), this.ca])
  }

  /** Runs `holdfast …` on the data folder. */
  command(...parameters: readonly string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      execFile(
        'sh',
        [HOLDFAST, ...parameters, '--data', this.data],
        { encoding: 'utf8', timeout: COMMAND_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
      )
    })
  }

  /**
   * What `holdfast … --json` prints: one object, or one a line.
   * @throws Error when the command fails.
   */
  async json<T>(...parameters: readonly string[]): Promise<T[]> {
    const { code, stdout, stderr } = await this.command(...parameters, '--json')
    if (code !== 0) throw new Error(`holdfast ${parameters.join(' ')} ended with ${code}: ${stderr}`)
    return linesOf<T>(stdout)
  }

  /** As `json`, of a command that prints one object. */
  async object<T>(...parameters: readonly string[]): Promise<T> {
    const [first, ...others] = await this.json<T>(...parameters)
    if (first === undefined || others.length > 0)
      throw new Error(`holdfast ${parameters.join(' ')} is no single object`)
    return first
  }

  /** The hub's own API over the local socket (lists of lines stay text), for preparing a row: a process a device would cost more than the row. */
  api<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<ApiAnswer<T>> {
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          socketPath: join(this.data, 'hub.sock'),
          // A connection of its own: one that is kept may be closed by the hub just when it is used again.
          agent: false,
          method,
          path: `/api/v1${path}`,
          host: 'localhost',
          headers: body === undefined ? {} : { 'content-type': 'application/json' },
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
          })
          answer.on('error', reject)
          answer.on('end', () => {
            const isJson = answer.headers['content-type']?.includes('json') === true && text !== ''
            const isOne = answer.headers['content-type'] !== 'application/x-ndjson'
            resolve({ status: answer.statusCode ?? 0, body: (isJson && isOne ? JSON.parse(text) : text) as T })
          })
        },
      )
      asked.on('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** Makes a device; gives its connection string for each key. */
  async device(create: Api.DeviceCreate): Promise<{ readonly primary: string; readonly secondary: string }> {
    await this.#must('POST', '/devices', create)
    const at = `/devices/${encodeURIComponent(create.deviceId)}/connection-string`
    const strings = await Promise.all(
      ['primary', 'secondary'].map((key) => this.#must<Api.ConnectionString>('GET', `${at}?key=${key}`)),
    )
    const [primary, secondary] = strings.map(({ connectionString }) => connectionString)
    return { primary: primary ?? '', secondary: secondary ?? '' }
  }

  /** The connection string of a policy. */
  async policy(name: string): Promise<string> {
    const at = `/policies/${encodeURIComponent(name)}/connection-string`
    return (await this.#must<Api.ConnectionString>('GET', at)).connectionString
  }

  async show(deviceId: string): Promise<Api.Device> {
    return this.#must('GET', `/devices/${encodeURIComponent(deviceId)}`)
  }

  /** What is kept of a device, oldest first. */
  async messages(deviceId: string): Promise<Api.Message[]> {
    const { body } = await this.api<string>('GET', `/messages?device=${encodeURIComponent(deviceId)}`)
    return linesOf<Api.Message>(body)
  }

  /** The newest events of a subject, oldest first. */
  async events(subject: string): Promise<Api.Event[]> {
    const { body } = await this.api<string>('GET', '/events?limit=1000')
    return linesOf<Api.Event>(body).filter((event) => event.subject === subject)
  }

  /** Ends it as an operator does. @throws Error unless it exits with 0. */
  async stop(): Promise<void> {
    const ended = new Promise<number | null>((resolve) => {
      this.#child.once('exit', (code) => resolve(code))
    })
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM')
    const code = this.#child.exitCode ?? (await ended)
    rmSync(this.data, { recursive: true, force: true })
    if (code !== 0) throw new Error(`the hub ended with ${code}: ${this.log.slice(-4_000)}`)
  }

  async #must<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const answer = await this.api<T>(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
}

function linesOf<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

function readyLine(child: ChildProcess, log: readonly string[]): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the hub ${why}: ${log.join('')}`))
    const timer = setTimeout(() => fail('did not become ready'), START_MS_MAX)
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const line = /^ready (\{.*\})$/m.exec(text)
      if (line === null) return
      clearTimeout(timer)
      resolve(JSON.parse(line[1] ?? '') as Ready)
    })
    child.once('error', (error) => fail(`could not be started (${error.message})`))
    child.once('exit', (code) => fail(`ended with ${code}`))
  })
}
