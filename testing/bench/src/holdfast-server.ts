/** The hub, started as its users start it. */

import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { freePort, scratchFolder, type Server, type ServerKind, stopped } from './server.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

export interface HoldfastServer extends Server {
  readonly data: string
  readonly httpsPort: number
  readonly amqpPort: number
  /** From the start of the process to the `ready` line. */
  readonly readyMs: number
  /** Ends the process and leaves its data folder. */
  halt(): Promise<void>
}

/** @param prepare is called once the hub is ready, e.g. to register devices. */
export function holdfast(prepare: (server: HoldfastServer) => Promise<void>): ServerKind {
  return {
    name: 'holdfast',
    topic: 'devices/%s/messages/events/',
    user: 'localhost/%s/?api-version=2021-04-12',
    async start({ scratch }) {
      const server = await startHoldfast(scratch)
      await prepare(server)
      return server
    },
  }
}

/** @param configuration what stands in `config.json`, if anything. */
export async function startHoldfast(scratch: string, configuration?: object): Promise<HoldfastServer> {
  const data = scratchFolder(scratch, 'holdfast-')
  if (configuration !== undefined) writeFileSync(join(data, 'config.json'), JSON.stringify(configuration))
  const port = await freePort()
  const httpsPort = await freePort()
  const begun = performance.now()
  const child = spawn(
    'sh',
    [
      join(ROOT, 'holdfast'),
      'up',
      `--data=${data}`,
      '--listen=127.0.0.1',
      `--mqtt-port=${port}`,
      '--amqp-port=0',
      `--https-port=${httpsPort}`,
      '--log-level=warn',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('\n')) resolve()
    })
    child.once('close', (code) => reject(new Error(`the hub ended with ${String(code)}`)))
  })
  const ready: unknown = JSON.parse(output.slice('ready '.length))
  if (typeof ready !== 'object' || ready === null || !('pid' in ready && 'caFile' in ready)) {
    throw new Error('the ready line is not what it should be')
  }
  const amqpPort = 'amqpPort' in ready ? Number(ready.amqpPort) : 0
  return {
    pid: Number(ready.pid),
    port,
    authorityFile: String(ready.caFile),
    data,
    httpsPort,
    amqpPort,
    readyMs: performance.now() - begun,
    halt: () => stopped(child),
    async stop() {
      await stopped(child)
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** One call of the management API over the local socket. */
export function callHub(data: string, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath: join(data, 'hub.sock'), method, path, headers: { 'content-type': 'application/json' } },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        response.on('end', () => {
          if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${text}`))
          else resolve(text === '' ? undefined : JSON.parse(text))
        })
      },
    )
    call.once('error', reject)
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Does `work` for 0 … count - 1, some at a time. */
export async function eachOf(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await work(index)
    }
  }
  await Promise.all(Array.from({ length: 32 }, lane))
}
