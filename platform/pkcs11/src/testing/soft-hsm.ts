/** A token of SoftHSM in a folder of its own, and a second opinion on what is in it. */

import { execFile, execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireTool } from '@holdfast/testing-tidy'

const run = promisify(execFile)
const BUILD = join(import.meta.dirname, '../../../../scripts/build-pkcs11.sh')
const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
]

/** For the `skip` of a test; builds the native part where everything for it is there. */
export function requireSoftHsm(): false | string {
  const missing = requireTool('softhsm2-util') || requireTool('pkcs11-tool') || requireTool('g++')
  if (missing !== false) return missing
  execFileSync('sh', [BUILD], { stdio: ['ignore', 'ignore', 'inherit'] })
  return false
}

export class SoftHsm {
  readonly module: string
  readonly token: string
  readonly pin: string
  readonly environment: { readonly SOFTHSM2_CONF: string }
  readonly #folder: string

  private constructor(folder: string, token: string) {
    const module = MODULES.find((path) => existsSync(path))
    if (module === undefined) throw new Error('SoftHSM is installed, and its module is not where it is looked for')
    this.module = module
    this.token = token
    // Recognisable, should it turn up anywhere.
    this.pin = `pin-${randomInt(10 ** 9, 10 ** 10)}`
    this.#folder = folder
    this.environment = { SOFTHSM2_CONF: join(folder, 'softhsm2.conf') }
  }

  /** Makes a token. Sets SOFTHSM2_CONF of this process, which its children inherit: one token folder a test file. */
  static make(token = 'holdfast-test'): SoftHsm {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-softhsm-'))
    mkdirSync(join(folder, 'tokens'))
    const hsm = new SoftHsm(folder, token)
    const text = `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`
    writeFileSync(hsm.environment.SOFTHSM2_CONF, text)
    process.env.SOFTHSM2_CONF = hsm.environment.SOFTHSM2_CONF
    const soPin = String(randomInt(10 ** 9, 10 ** 10))
    const args = ['--init-token', '--free', '--label', token, '--so-pin', soPin, '--pin', hsm.pin]
    execFileSync('softhsm2-util', args, { stdio: 'ignore' })
    return hsm
  }

  /** What pkcs11-tool says. */
  async tool(...args: readonly string[]): Promise<string> {
    const given = ['--module', this.module, '--token-label', this.token, '--login', '--pin', this.pin, ...args]
    return (await run('pkcs11-tool', given, { encoding: 'utf8' })).stdout
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
