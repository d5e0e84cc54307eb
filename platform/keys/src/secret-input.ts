/**
 * How a passphrase or PIN gets into a program: from a file that nobody else may read, or typed at a terminal that does not
 * show it. Never from an argument or the environment, which other processes and crash reports see.
 */

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { KeyError } from './errors.ts'
import { SECRET_BYTES_MAX } from './limits.ts'

// For programs that need no keys, only to ask for a secret.
export { KeyError } from './errors.ts'
export { PASSPHRASE_BYTES_MIN } from './limits.ts'

/**
 * The content of a file without one line end at its end. The caller zeroes it.
 * @param isClosed true where the system vouches for the folder around it (systemd's credentials).
 * @throws KeyError `secret-missing`, `exposed`, `refused` (empty or too long).
 */
export async function readSecretFile(path: string, isClosed: boolean = false): Promise<Uint8Array> {
  let bytes: Buffer
  let mode: number
  try {
    const file = await open(path, constants.O_RDONLY)
    try {
      mode = (await file.stat()).mode
      // One more than may be, and a line end: what is longer is refused below, not cut.
      bytes = Buffer.alloc(SECRET_BYTES_MAX + 3)
      let filled = 0
      for (let isEnd = false; !isEnd && filled < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled)
        filled += bytesRead
        isEnd = bytesRead === 0
      }
      bytes = bytes.subarray(0, filled)
    } finally {
      await file.close()
    }
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'it failed'
    throw new KeyError('secret-missing', `the file with the secret, ${path}, cannot be read (${reason})`, cause)
  }
  if (!isClosed && (mode & 0o077) !== 0) {
    bytes.fill(0)
    throw new KeyError('exposed', `${path}: others may read this secret; run chmod 600 ${path}, and choose a new one`)
  }
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length
  const secret = new Uint8Array(bytes.subarray(0, end))
  bytes.fill(0)
  if (secret.length === 0 || secret.length > SECRET_BYTES_MAX) {
    secret.fill(0)
    throw new KeyError('refused', `${path}: a secret has 1 to ${SECRET_BYTES_MAX} bytes`)
  }
  return secret
}

/** What `askSecret` needs of a terminal. */
export interface SecretTerminal {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
}

/**
 * Asks at a terminal, without showing what is typed. The caller zeroes the answer.
 * @returns undefined where there is no terminal, or whoever sits there gave up (Ctrl-C, Ctrl-D, an empty line).
 */
export function askSecret(question: string, { input, output }: SecretTerminal): Promise<Uint8Array | undefined> {
  if (!input.isTTY || !output.isTTY) return Promise.resolve(undefined)
  output.write(`${question}: `)
  input.setRawMode(true)
  input.resume()
  const typed = Buffer.alloc(SECRET_BYTES_MAX)
  let length = 0
  return new Promise((resolve) => {
    const end = (secret: Uint8Array | undefined): void => {
      input.off('data', take)
      input.setRawMode(false)
      input.pause()
      output.write('\n')
      typed.fill(0)
      resolve(secret)
    }
    const take = (chunk: Buffer | string): void => {
      for (const byte of Buffer.from(chunk)) {
        // Enter, in raw mode either of the two.
        if (byte === 0x0d || byte === 0x0a) {
          end(length === 0 ? undefined : new Uint8Array(typed.subarray(0, length)))
          return
        }
        if (byte === 0x03 || byte === 0x04) {
          end(undefined)
          return
        }
        if (byte === 0x7f || byte === 0x08) {
          // A character of several bytes goes as a whole.
          do length = Math.max(0, length - 1)
          while (length > 0 && ((typed[length] ?? 0) & 0xc0) === 0x80)
        } else if (length < typed.length) {
          typed[length] = byte
          length += 1
        }
      }
    }
    input.on('data', take)
  })
}
