/** What the demonstration fleet keeps between starts, in `DIR/demo` (mode 0700): certificates and their keys. */

import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientCertificate } from './mqtt-socket.ts'
import { makeSelfSigned, readKey } from './self-signed.ts'

export class DemoFolder {
  readonly #path: string

  constructor(data: string) {
    this.#path = join(data, 'demo')
    mkdirSync(this.#path, { recursive: true, mode: 0o700 })
    chmodSync(this.#path, 0o700)
  }

  /** The device's certificate: that of the last start while it is valid and its key fits, else a new one. */
  async certificateOf(deviceId: string): Promise<ClientCertificate> {
    const file = join(this.#path, `${deviceId}.key`)
    const kept = readPair(file)
    if (kept !== undefined) return kept
    const made = await makeSelfSigned(deviceId)
    // One file for both, put in its place in one step: a crash leaves the old pair or the new one.
    const draft = `${file}.new`
    writeFileSync(draft, `${made.certificate}${made.key}`, { mode: 0o600 })
    renameSync(draft, file)
    return made
  }
}

const PAIR = /^(-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n)(-----BEGIN PRIVATE KEY-----[\s\S]+)$/

function readPair(file: string): ClientCertificate | undefined {
  try {
    const [, certificate, key] = PAIR.exec(readFileSync(file, 'utf8')) ?? []
    if (certificate === undefined || key === undefined) return undefined
    const parsed = new X509Certificate(certificate)
    const isValid = parsed.checkPrivateKey(readKey(key)) && Date.parse(parsed.validTo) > Date.now() + 86_400_000
    return isValid ? { certificate, key } : undefined
  } catch {
    return undefined
  }
}
