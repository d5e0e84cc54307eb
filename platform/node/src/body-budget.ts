/** Bounds what the bodies of all requests of one front hold together: a body is read before it is known who sent it. */

/** So much of every body is free: what devices send is smaller, and must be read however large others' bodies are. */
const FREE_BYTES = 16 * 1_024
/** Bytes of bodies beyond that, of all requests and of those from one address. */
const TOTAL_BYTES_MAX = 64 * 1_048_576
const ADDRESS_BYTES_MAX = 8 * 1_048_576

export class BodyBudget {
  readonly #byAddress = new Map<string, number>()
  #total = 0

  /** A body from `address` begins. */
  open(address: string): BodyShare {
    return new BodyShare((bytes) => this.#take(address, bytes))
  }

  /** Bytes that are held now beyond the free ones. */
  get heldBytes(): number {
    return this.#total
  }

  #take(address: string, bytes: number): boolean {
    const held = (this.#byAddress.get(address) ?? 0) + bytes
    if (bytes > 0 && (held > ADDRESS_BYTES_MAX || this.#total + bytes > TOTAL_BYTES_MAX)) return false
    this.#total += bytes
    if (held === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, held)
    return true
  }
}

/** What one body holds of the budget. */
export class BodyShare {
  readonly #take: (bytes: number) => boolean
  #taken = 0

  constructor(take: (bytes: number) => boolean) {
    this.#take = take
  }

  /** The body is `bytes` long by now; false when there is no room for that. */
  grow(bytes: number): boolean {
    const wanted = Math.max(0, bytes - FREE_BYTES)
    if (wanted <= this.#taken) return true
    if (!this.#take(wanted - this.#taken)) return false
    this.#taken = wanted
    return true
  }

  /** The body is not held any more. */
  end(): void {
    this.#take(-this.#taken)
    this.#taken = 0
  }
}
