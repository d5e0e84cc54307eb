/**
 * Programs of the system that only tests need (a broker, a certificate tool). Where one is missing the test is skipped
 * and says which; in continuous integration that skip is a failure, for there nobody reads what was skipped.
 */

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where daemons live on Debian, which the PATH of an ordinary user leaves out. */
const DAEMON_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The full path of a program, or undefined where the machine has none. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...DAEMON_FOLDERS]
  for (const folder of folders) {
    if (folder === '') continue
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/**
 * For the `skip` of a test: `test('…', { skip: requireTool('mosquitto_pub') }, …)`. False where the machine has the
 * program, else the reason by name.
 * @throws Error when it is missing and `CI=true`.
 */
export function requireTool(name: string): string | false {
  if (findTool(name) !== undefined) return false
  const reason = `${name} is not installed (as root on Debian, npm test installs it)`
  if (process.env.CI === 'true') throw new Error(`under CI=true nothing is skipped: ${reason}`)
  return reason
}

/**
 * As `requireTool`, of data that a package of the system brings along.
 * @param name of the package.
 * @throws Error when it is missing and `CI=true`.
 */
export function requireFolder(path: string, name: string): string | false {
  if (existsSync(path)) return false
  const reason = `${name} is not installed (as root on Debian, npm test installs it)`
  if (process.env.CI === 'true') throw new Error(`under CI=true nothing is skipped: ${reason}`)
  return reason
}
