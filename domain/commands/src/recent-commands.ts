/** Messages that were just sent, so that a device that is there gets them without a read of the disk; bounded in bytes. */

import type { Command } from './command.ts'

/** What an entry takes beside its body, in bytes. */
const OVERHEAD_BYTES = 512

export class RecentCommands {
  readonly #commands = new Map<number, Command>()
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  put(command: Command): void {
    const bytes = sizeOf(command)
    if (bytes > this.#bytesMax) return
    this.take(command.sequenceNumber)
    this.#commands.set(command.sequenceNumber, command)
    this.#bytes += bytes
    for (const oldest of this.#commands.keys()) {
      if (this.#bytes <= this.#bytesMax) return
      this.take(oldest)
    }
  }

  /** Gives it out of the memory. */
  take(sequence: number): Command | undefined {
    const command = this.#commands.get(sequence)
    if (command === undefined) return undefined
    this.#commands.delete(sequence)
    this.#bytes -= sizeOf(command)
    return command
  }
}

function sizeOf(command: Command): number {
  return command.body.length + OVERHEAD_BYTES
}
