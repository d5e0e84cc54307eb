/**
 * Bytes to and from a TPM: the kernel's resource manager (`/dev/tpmrm0`), or a socket on which a TPM speaks as swtpm's
 * server and a TPM simulator's command port behind it do: one command, one response, nothing around them.
 * One command at a time: a TPM knows no others, and whoever sends two mixes up two conversations.
 */

import { open } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { RESPONSE_BYTES_MAX, TpmRefusal, responseBytes } from '@holdfast/tpm'
import type { TpmCommand } from '@holdfast/tpm'
import { TpmDeviceError } from './errors.ts'

/** Where a TPM is. */
export type TpmAddress =
  | { readonly kind: 'device'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** How long a command may take, in milliseconds: making an RSA key takes slow parts more than a minute. */
export const COMMAND_TIMEOUT_MS = 120_000

/** How long a socket may take to be there, in milliseconds: it is on this machine. */
export const CONNECT_TIMEOUT_MS = 5_000

/** Most commands that wait for the one before them. */
export const COMMANDS_WAITING_MAX = 64

/** How often a command is sent again that the TPM asks to have again, and after how long the first time, in milliseconds. */
const RETRIES_MAX = 8
const RETRY_AFTER_MS = 20

const HEADER_BYTES = 10

/** One command to its response. */
interface Line {
  exchange(command: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** An open TPM. */
export class TpmTransport {
  readonly #line: Line
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #isClosed = false

  private constructor(line: Line) {
    this.#line = line
  }

  /** @throws TpmDeviceError `unreachable`. */
  static async open(address: TpmAddress, commandTimeoutMs: number = COMMAND_TIMEOUT_MS): Promise<TpmTransport> {
    const line =
      address.kind === 'device' ? openDevice(address.path, commandTimeoutMs) : openSocket(address, commandTimeoutMs)
    return new TpmTransport(await line)
  }

  /**
   * Sends a command when those before it have been answered, and reads its response. What the TPM asks to have sent again
   * is sent again.
   * @throws TpmRefusal if the TPM says no; TpmError if it answers nonsense; TpmDeviceError `timeout`, `lost`, `closed`, `busy`.
   */
  async execute<Response>(command: TpmCommand<Response>): Promise<Response> {
    if (this.#isClosed) throw new TpmDeviceError('closed', 'the TPM was closed')
    if (this.#waiting >= COMMANDS_WAITING_MAX) throw new TpmDeviceError('busy', 'too many commands wait for the TPM')
    this.#waiting += 1
    const turn = this.#tail.then(() => this.#attempt(command))
    this.#tail = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting -= 1
    }
  }

  /** Lets the commands that wait finish, then closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#tail
    await this.#line.close()
  }

  async #attempt<Response>(command: TpmCommand<Response>): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      try {
        return command.decode(await this.#line.exchange(command.bytes))
      } catch (error) {
        if (!(error instanceof TpmRefusal) || !error.isTransient || attempt >= RETRIES_MAX) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * 2 ** attempt))
      }
    }
  }
}

/** The kernel's device: a command is one write, a response is one read, which waits for it. */
async function openDevice(path: string, timeoutMs: number): Promise<Line> {
  const handle = await open(path, 'r+').catch((cause: unknown) => {
    throw new TpmDeviceError('unreachable', `${path} cannot be opened`, { cause })
  })
  const exchange = async (command: Uint8Array): Promise<Uint8Array> => {
    // A position of null: the device has none to seek.
    await handle.write(command, 0, command.length, null)
    const buffer = new Uint8Array(RESPONSE_BYTES_MAX)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
    return buffer.slice(0, bytesRead)
  }
  return {
    exchange: (command) =>
      withTimeout(
        exchange(command).catch((cause: unknown) => {
          throw new TpmDeviceError('lost', 'the TPM device failed', { cause })
        }),
        timeoutMs,
      ),
    close: () => handle.close(),
  }
}

async function openSocket(address: Exclude<TpmAddress, { kind: 'device' }>, timeoutMs: number): Promise<Line> {
  const socket = await connected(address)
  const line = new SocketLine(socket)
  return {
    exchange: (command) =>
      withTimeout(line.exchange(command), timeoutMs).catch((error: unknown) => {
        // What comes late would be taken for the answer to the next command.
        socket.destroy()
        throw error
      }),
    close: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve())
        socket.destroy()
      }),
  }
}

function connected(address: Exclude<TpmAddress, { kind: 'device' }>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path })
    const fail = (cause?: Error): void => {
      socket.destroy()
      reject(
        new TpmDeviceError(
          'unreachable',
          'nothing answers where the TPM should be',
          cause === undefined ? {} : { cause },
        ),
      )
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail())
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Collects one response from a stream, by the length in its header. */
class SocketLine {
  readonly #socket: Socket
  #held: Buffer = Buffer.alloc(0)
  #asked: { resolve(bytes: Uint8Array): void; reject(error: unknown): void } | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#fail(new TpmDeviceError('lost', 'the TPM closed the connection')))
  }

  exchange(command: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new TpmDeviceError('lost', 'the TPM closed the connection'))
        return
      }
      this.#asked = { resolve, reject }
      this.#socket.write(command)
    })
  }

  #take(chunk: Buffer): void {
    // Bytes that nobody asked for, or more than a response may have, mean that the two no longer speak of the same.
    if (this.#asked === undefined || this.#held.length + chunk.length > RESPONSE_BYTES_MAX) {
      this.#break()
      return
    }
    this.#held = Buffer.concat([this.#held, chunk])
    if (this.#held.length < HEADER_BYTES) return
    try {
      const length = responseBytes(this.#held.subarray(0, HEADER_BYTES))
      if (this.#held.length > length) this.#break()
      if (this.#held.length !== length) return
    } catch (error) {
      this.#fail(error)
      this.#socket.destroy()
      return
    }
    const { resolve } = this.#asked
    const whole = Uint8Array.from(this.#held)
    this.#asked = undefined
    this.#held = Buffer.alloc(0)
    resolve(whole)
  }

  #break(): void {
    this.#fail(new TpmDeviceError('lost', 'the TPM sent what nobody asked for'))
    this.#socket.destroy()
  }

  #fail(error: unknown): void {
    this.#asked?.reject(error)
    this.#asked = undefined
    this.#held = Buffer.alloc(0)
  }
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new TpmDeviceError('timeout', 'the TPM does not answer')), timeoutMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
