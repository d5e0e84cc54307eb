/** The command line of `holdfast witness`. */

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { TlogError, VerifierKey, isKeyName } from '@holdfast/tlog'
import { LOGS_MAX } from './limits.ts'

export const USAGE = `Usage: holdfast witness [options]

Cosigns the checkpoints of logs that it knows, as long as they only grow (C2SP tlog-witness). Run it on another machine than
the hub, and give the hub its address, key and root: holdfast audit witness add.

Options:
  --data <dir>        folder of its key, its certificates and what it has seen (default ./witness-data)
  --listen <address>  address to listen on (default: all)
  --port <n>          port (default 8449; 0: any that is free)
  --hostname <name>   name or address that logs reach it by (default localhost); the first one is its name for ever
  --log <vkey>        a log to witness from now on; may be given more than once, and is remembered
  --help              this text

Example:
  $ holdfast witness --data ./witness --hostname witness.example --log "$(holdfast audit key)"
`

export interface Settings {
  readonly data: string
  readonly listen: string | undefined
  readonly port: number
  readonly hostname: string
  readonly logs: readonly VerifierKey[]
}

/** Wrong use; the message says what to do. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

export function readSettings(args: readonly string[]): Settings {
  const { values } = parse(args)
  const port = values.port === undefined ? 8_449 : Number(values.port)
  if (!/^\d{1,5}$/.test(values.port ?? '0') || port > 65_535) throw new SettingsError('--port is a number up to 65535')
  const hostname = values.hostname ?? 'localhost'
  if (!isKeyName(hostname) || !/^[A-Za-z0-9.:_-]+$/.test(hostname)) {
    throw new SettingsError('--hostname is a DNS name or an address, without a port')
  }
  const logs = values.log ?? []
  if (logs.length > LOGS_MAX) throw new SettingsError(`--log is given ${LOGS_MAX} times at most`)
  return {
    data: resolve(values.data ?? './witness-data'),
    listen: values.listen,
    port,
    hostname: hostname.toLowerCase(),
    logs: logs.map(parseLog),
  }
}

export function parseLog(vkey: string): VerifierKey {
  try {
    const key = VerifierKey.parse(vkey)
    if (key.kind === 'note') return key
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
  }
  throw new SettingsError(`'${vkey.slice(0, 100)}' is no key of a log; 'holdfast audit key' of its hub prints it`)
}

function parse(args: readonly string[]): ReturnType<typeof parseStrictly> {
  try {
    return parseStrictly(args)
  } catch (error) {
    throw new SettingsError(error instanceof Error ? error.message : String(error))
  }
}

function parseStrictly(args: readonly string[]): {
  readonly values: {
    readonly data?: string
    readonly listen?: string
    readonly port?: string
    readonly hostname?: string
    readonly log?: string[]
  }
} {
  const options = {
    data: { type: 'string' },
    listen: { type: 'string' },
    port: { type: 'string' },
    hostname: { type: 'string' },
    log: { type: 'string', multiple: true },
  } as const
  return parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
}
