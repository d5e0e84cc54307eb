/** A hub whose operators are tested: its process, the link that its first start prints, and requests as a browser or curl sends them. */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, HubApi, HubProcess, type LogLine } from '@holdfast/testing-hub'

const ROOT = join(import.meta.dirname, '../../..')
const CLI = join(ROOT, 'apps/cli/src/main.ts')
const run = promisify(execFile)

export interface WebAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
}

export interface CommandAnswer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class PeopleHub {
  readonly folder: string
  readonly api: HubApi
  readonly port: number
  readonly origin: string
  #process: HubProcess
  readonly #mqttPort: number
  #authority = ''
  #caFile = ''

  private constructor(folder: string, ports: { readonly mqtt: number; readonly https: number }, process: HubProcess) {
    this.folder = folder
    this.api = new HubApi(join(folder, 'data'))
    this.port = ports.https
    this.#mqttPort = ports.mqtt
    this.origin = `https://localhost:${ports.https}`
    this.#process = process
  }

  /** @param settings of `config.json`. */
  static async start(settings: object = {}): Promise<PeopleHub> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-people-'))
    const config = join(folder, 'config.json')
    writeFileSync(config, JSON.stringify(settings))
    const ports = { mqtt: await freePort(), https: await freePort() }
    const hub = new PeopleHub(folder, ports, PeopleHub.#launch(folder, ports))
    await hub.#ready()
    return hub
  }

  static #launch(folder: string, { mqtt, https }: { readonly mqtt: number; readonly https: number }): HubProcess {
    return HubProcess.launch({
      data: join(folder, 'data'),
      mqttPort: mqtt,
      httpsPort: https,
      options: ['--config', join(folder, 'config.json')],
    })
  }

  async #ready(): Promise<void> {
    const { caFile } = await this.#process.ready
    this.#caFile = caFile
    this.#authority = readFileSync(caFile, 'utf8')
  }

  get lines(): readonly LogLine[] {
    return this.#process.lines
  }

  get caFile(): string {
    return this.#caFile
  }

  /** The root certificate, PEM. */
  get authority(): string {
    return this.#authority
  }

  /** The link that the first start has printed. */
  get firstLink(): string | undefined {
    return /https:\/\/localhost:\d+\/enrol#[\w-]+/.exec(this.#process.text)?.[0]
  }

  /** Events of a type, as the log has them. */
  events(type: string): readonly LogLine[] {
    return this.lines.filter(({ event }) => event === type)
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#process.end(signal)
    this.#process = PeopleHub.#launch(this.folder, { mqtt: this.#mqttPort, https: this.port })
    await this.#ready()
  }

  async stop(): Promise<void> {
    await this.#process.end('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Over HTTPS, as curl would. */
  web(
    method: string,
    path: string,
    { body, headers = {} }: { readonly body?: object; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<WebAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const json = payload === undefined ? {} : { 'content-type': 'application/json' }
    const { port } = this
    return new Promise((resolve, reject) => {
      const call = request(
        { host: 'localhost', port, method, path, ca: this.#authority, agent: false, headers: { ...json, ...headers } },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            text += chunk
          })
          answer.once('error', reject)
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parsed(text) }),
          )
        },
      )
      call.setTimeout(20_000, () => call.destroy(new Error(`${method} ${path}: no answer in time`)))
      call.once('error', reject)
      call.end(payload)
    })
  }

  /** `holdfast …`, in a home folder of its own. */
  async cli(args: readonly string[], home = this.folder): Promise<CommandAnswer> {
    const env = {
      ...process.env,
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      HOLDFAST_DATA: join(this.folder, 'data'),
    }
    try {
      const { stdout, stderr } = await run(
        process.execPath,
        ['--disallow-code-generation-from-strings', CLI, ...args],
        {
          env,
          timeout: 60_000,
        },
      )
      return { code: 0, stdout, stderr }
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') throw error
      return { code: error.code, stdout: textOf(error, 'stdout'), stderr: textOf(error, 'stderr') }
    }
  }
}

function textOf(error: object, name: string): string {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : ''
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
