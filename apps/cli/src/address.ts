/** Where the hub is: the socket in its data folder, or its HTTPS port with a token. */

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readSession } from './people/kept-sessions.ts'
import { Failure, wrongUse } from './failure.ts'

export type Address =
  | { readonly kind: 'local'; readonly data: string; readonly socket: string }
  /** `token` is what goes into `Authorization`; empty: nobody is known yet. */
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

/**
 * @param isAnonymous whether the command asks before anybody is known, and needs no token.
 * @param environment `HOLDFAST_DATA`, and `HOLDFAST_TOKEN`, which unlike an argument is not shown by `ps`.
 */
export function readAddress(
  options: AddressOptions,
  environment: Readonly<Record<string, string | undefined>>,
  isAnonymous = false,
): Address {
  if (options.url === undefined) {
    if (options.token !== undefined || options.ca !== undefined) {
      throw wrongUse('--token and --ca belong to --url; without it the hub is reached through its data folder (--data)')
    }
    const data = resolve(options.data ?? environment.HOLDFAST_DATA ?? DATA_DEFAULT)
    return { kind: 'local', data, socket: socketOf(data) }
  }
  if (options.data !== undefined) throw wrongUse('give --data or --url, not both: they name two ways to a hub')
  const given = options.token ?? environment.HOLDFAST_TOKEN
  if (given !== undefined && /[^\x20-\x7e]/.test(given))
    throw wrongUse('the token is not one line of ASCII; copy it again')
  const url = URL.parse(options.url)
  if (url === null || url.protocol !== 'https:' || url.hostname === '' || url.username !== '' || url.search !== '') {
    throw wrongUse(
      `'${options.url}' is no address of a hub; give one like https://hub.example or https://hub.example:8443`,
    )
  }
  const kept = given === undefined ? readSession(environment, url.origin) : undefined
  const known = isAnonymous || kept === undefined ? undefined : `Bearer ${kept.token}`
  const token = given === undefined ? known : headerOf(given)
  if (token === undefined && !isAnonymous) {
    throw wrongUse(
      `--url needs to know who you are: sign in with 'holdfast login --url ${url.origin}', or give --token (HOLDFAST_TOKEN)`,
    )
  }
  const authorities = options.ca === undefined ? kept?.ca : readText(options.ca)
  return { kind: 'remote', url, token: token ?? '', ...(authorities !== undefined && { authorities }) }
}

/** Sessions and tokens of Holdfast's own are bearer tokens (RFC 6750 §2.1); what Azure's tools make says what it is itself. */
function headerOf(token: string): string {
  return /^hf[st]_/.test(token) ? `Bearer ${token}` : token
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
