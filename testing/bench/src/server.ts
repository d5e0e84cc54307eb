/** The servers that are measured, each started fresh for a measurement and stopped after it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { FleetCredentials } from './fleet-credentials.ts'

export interface Server {
  readonly pid: number
  readonly port: number
  /** Certificate that clients are to trust. */
  readonly authorityFile: string
  stop(): Promise<void>
}

export interface ServerKind {
  readonly name: string
  /** Topic with `%s` for the device's id. */
  readonly topic: string
  /** User name with `%s` for the device's id. */
  readonly user: string
  start(options: { readonly scratch: string; readonly isMutual: boolean }): Promise<Server>
}

const START_MS_MAX = 20_000

export function mosquitto(credentials: FleetCredentials): ServerKind {
  return {
    name: 'mosquitto',
    topic: 'devices/%s/messages/events/',
    user: '%s',
    async start({ scratch, isMutual }) {
      const folder = scratchFolder(scratch, 'mosquitto-')
      const port = await freePort()
      const file = join(folder, 'mosquitto.conf')
      writeFileSync(
        file,
        [
          `listener ${port} 127.0.0.1`,
          `cafile ${credentials.authorityFile}`,
          `certfile ${credentials.serverCertificateFile}`,
          `keyfile ${credentials.serverKeyFile}`,
          `require_certificate ${String(isMutual)}`,
          `use_identity_as_username ${String(isMutual)}`,
          'allow_anonymous true',
          'persistence false',
          'set_tcp_nodelay true',
          // Without these it drops what one connection has in flight beyond twenty, and measures nothing.
          'max_inflight_messages 0',
          'max_queued_messages 0',
          'log_type error',
          '',
        ].join('\n'),
      )
      const child = spawn('mosquitto', ['-c', file], { stdio: 'ignore' })
      return started(child, port, credentials.authorityFile, folder)
    },
  }
}

export function nats(credentials: FleetCredentials): ServerKind {
  return {
    name: 'nats',
    // An empty last level is no subject to NATS.
    topic: 'devices/%s/messages/events',
    user: '%s',
    async start({ scratch, isMutual }) {
      const folder = scratchFolder(scratch, 'nats-')
      const port = await freePort()
      const file = join(folder, 'nats.conf')
      writeFileSync(
        file,
        `
server_name: bench
listen: 127.0.0.1:${await freePort()}
jetstream { store_dir: "${join(folder, 'store')}" }
mqtt {
  listen: "127.0.0.1:${port}"
  max_ack_pending: 65535
  tls {
    cert_file: "${credentials.serverCertificateFile}"
    key_file: "${credentials.serverKeyFile}"
    ca_file: "${credentials.authorityFile}"
    verify: ${String(isMutual)}
    timeout: 30
  }
}
`,
      )
      const child = spawn('nats-server', ['-c', file], { stdio: 'ignore' })
      return started(child, port, credentials.authorityFile, folder)
    },
  }
}

/** Resolves when the port takes connections. */
export async function started(
  child: ChildProcess,
  port: number,
  authorityFile: string,
  folder: string,
): Promise<Server> {
  const { pid } = child
  if (pid === undefined) throw new Error(`cannot start ${child.spawnfile}`)
  const until = Date.now() + START_MS_MAX
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`${child.spawnfile} does not listen on ${port}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
  }
  return {
    pid,
    port,
    authorityFile,
    async stop() {
      await stopped(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const closed = new Promise((resolve) => {
    child.once('close', resolve)
  })
  child.kill('SIGTERM')
  await closed
}

/** A new folder that others may enter: peers give up their privileges when they start. */
export function scratchFolder(parent: string, prefix: string): string {
  const folder = mkdtempSync(join(parent, prefix))
  chmodSync(folder, 0o755)
  return folder
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
