/**
 * Background work, as a generator: each `yield` is a place where readers may have their turn. A job that is dropped at
 * a `yield` leaves nothing but a segment nobody sees, which the next cleaning deletes.
 */

export type Job = Generator<void, void, void>

/** Why a job could not go on and will not until something changes. */
export interface Block {
  readonly work: 'regrouping' | 'merging'
  readonly partition: number
  readonly reason: 'damaged' | 'missing-key' | 'awaited-key'
  readonly detail: string
}

export class BlockedError extends Error {
  override readonly name = 'BlockedError'
  readonly block: Block

  constructor(block: Block, cause?: unknown) {
    super(block.detail, { cause })
    this.block = block
  }
}
