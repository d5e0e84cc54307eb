/** Where the hub is: the socket in its data folder, or its HTTPS port with a token. */

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failure, wrongUse } from './failure.ts'

export type Address =
  | { readonly kind: 'local'; readonly data: string; readonly socket: string }
  | { readonly kind: 'remote'; readonly url: URL; readonly token: string; readonly authorities?: string }

export interface AddressOptions {
  readonly data?: string
  readonly url?: string
  readonly token?: string
  readonly ca?: string
}

export const DATA_DEFAULT = './holdfast-data'

/** Longest path of a Unix socket in bytes; the kernel's `sun_path` holds 108 with its end mark. */
const SOCKET_PATH_BYTES_MAX = 100

/** @param environment `HOLDFAST_DATA`, and `HOLDFAST_TOKEN`, which unlike an argument is not shown by `ps`. */
export function readAddress(
  options: AddressOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Address {
  if (options.url === undefined) {
    if (options.token !== undefined || options.ca !== undefined) {
      throw wrongUse('--token and --ca belong to --url; without it the hub is reached through its data folder (--data)')
    }
    const data = resolve(options.data ?? environment.HOLDFAST_DATA ?? DATA_DEFAULT)
    return { kind: 'local', data, socket: socketOf(data) }
  }
  if (options.data !== undefined) throw wrongUse('give --data or --url, not both: they name two ways to a hub')
  const token = options.token ?? environment.HOLDFAST_TOKEN
  if (token === undefined) {
    throw wrongUse(
      '--url needs a token: give --token, or set HOLDFAST_TOKEN, to a shared access signature of a service policy',
    )
  }
  if (/[^\x20-\x7e]/.test(token)) throw wrongUse('the token is not one line of ASCII; copy it again')
  const url = URL.parse(options.url)
  if (url === null || url.protocol !== 'https:' || url.hostname === '' || url.username !== '' || url.search !== '') {
    throw wrongUse(
      `'${options.url}' is no address of a hub; give one like https://hub.example or https://hub.example:8443`,
    )
  }
  return { kind: 'remote', url, token, ...(options.ca !== undefined && { authorities: readText(options.ca) }) }
}

/** The hub writes the real path beside the usual one when that would be too long. */
function socketOf(data: string): string {
  const socket = join(data, 'hub.sock')
  if (Buffer.byteLength(socket) <= SOCKET_PATH_BYTES_MAX) return socket
  try {
    return readFileSync(`${socket}.path`, 'utf8').trim()
  } catch {
    return socket
  }
}

/** Text of a file an argument names; `-` is standard input. @throws Failure when it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : code
    throw new Failure(`cannot read ${file}: ${why}; check the path and its permissions`, { code: 'unreadable-file' })
  }
}
