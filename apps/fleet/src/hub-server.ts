/** Where and how the devices of a fleet reach the hub that owns a data folder. */

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Api } from '@holdfast/api'
import type { Server } from './mqtt-socket.ts'

export interface ServerOptions {
  readonly data: string
  /** Address to connect to (default: this machine). */
  readonly host?: string
  readonly port?: number
  /** Root certificate (default: what the hub names). */
  readonly ca?: string
}

/** @throws Error when the root certificate cannot be found. */
export function serverOf(status: Api.Status, options: ServerOptions): Server {
  const file = options.ca ?? status.caFile ?? join(resolve(options.data), 'ca.pem')
  if (!existsSync(file)) throw new Error(`the root certificate of the hub is not at ${file}; give it with --ca FILE`)
  return {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? status.ports.mqtt,
    hostname: status.hostname,
    authority: readFileSync(file, 'utf8'),
  }
}
