/** What can be told of the installation without a running hub: Node, the data folder, room on its disk, free ports. */

import { accessSync, constants, readdirSync, statfsSync, statSync, type Stats } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { bytesText } from '../printer.ts'
import { type Check, failed, ok, warning } from './check.ts'

const NODE_MIN = [24, 15] as const

/** Below the first, a warning; below the second, a hub stops taking telemetry soon. */
const FREE_BYTES_WARN = 1024 ** 3
const FREE_BYTES_MIN = 128 * 1024 ** 2
const FILES_MAX = 1_000

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNewEnough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
  if (isNewEnough) return ok('node', `Node ${version}`)
  return failed(
    'node',
    `Node ${version} is too old`,
    `start by ./holdfast, which picks Node ${NODE_MIN.join('.')} or newer`,
  )
}

/** @param user id of who runs this; undefined where the system has none. */
export function checkFolder(data: string, user: number | undefined): readonly Check[] {
  const stats = statOf(data)
  if (stats === undefined) {
    return [
      failed(
        'data folder',
        `${data} is not there`,
        "start a hub on it with 'holdfast up', or name another with --data",
      ),
    ]
  }
  if (!stats.isDirectory()) return [failed('data folder', `${data} is no folder`, 'name another with --data')]
  const open = [data, ...filesIn(data)].filter((path) => ((statOf(path)?.mode ?? 0) & 0o077) !== 0 && !isPublic(path))
  const checks: Check[] = [ok('data folder', data)]
  if (user !== undefined && user !== 0 && stats.uid !== user) {
    checks.push(failed('owner', `${data} belongs to user ${stats.uid}, this is user ${user}`, 'run this as its owner'))
  } else if (!isAllowed(data)) {
    checks.push(failed('owner', `${data} may not be written`, `give it to the user of the hub: chown -R USER ${data}`))
  } else {
    checks.push(ok('owner', 'the folder is ours to read and write'))
  }
  const [first] = open
  checks.push(
    first === undefined
      ? ok('permissions', 'nobody else may read the folder')
      : failed(
          'permissions',
          `${first} can be read by others`,
          `chmod -R go-rwx ${data}, then rotate the keys: holdfast keys rotate`,
        ),
  )
  return checks
}

export function checkRoom(data: string): Check {
  try {
    const { bavail, bsize } = statfsSync(data)
    const free = bavail * bsize
    const found = `${bytesText(free)} free`
    if (free < FREE_BYTES_MIN)
      return failed('disk', found, 'make room: the hub acknowledges nothing that it cannot store')
    if (free < FREE_BYTES_WARN) return warning('disk', found, 'make room, or keep less: retentionBytes in config.json')
    return ok('disk', found)
  } catch {
    return failed('disk', 'the disk of the data folder does not answer', 'check that it is mounted')
  }
}

/** For a hub that does not run: could it bind its ports? */
export async function checkPort(port: number): Promise<Check> {
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer()
    server.once('error', (error: Error & { readonly code?: string }) => resolve(error.code ?? error.message))
    server.listen({ port, host: '0.0.0.0' }, () => server.close(() => resolve(undefined)))
  })
  const name = `port ${port}`
  if (code === undefined) return ok(name, 'free')
  if (code === 'EADDRINUSE')
    return failed(
      name,
      'another program listens on it',
      `end that program, or choose another port (ss -ltnp 'sport = :${port}' names it)`,
    )
  if (code === 'EACCES')
    return warning(
      name,
      'may not be bound by this user',
      'allow it (CAP_NET_BIND_SERVICE), or choose another; for 443 the hub falls back to 8443',
    )
  return failed(name, `cannot be bound: ${code}`, 'choose another port')
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

/** Certificates are for everybody; the folder around them is closed all the same. */
function isPublic(path: string): boolean {
  return /\.(pem|crt|cer|path)$/.test(path)
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .slice(0, FILES_MAX)
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

function isAllowed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
