/**
 * Debts that are worked off together, in equal parts. Each is kept as the level at which it is gone: a level that rises by
 * what is worked, divided by how many still are in debt. So work costs nothing for those whose debt it does not end.
 */

interface Debtor {
  readonly name: string
  /** Where the debt is gone. */
  level: number
  /** Where it stands in the heap: `level` as it was then, so never above it. */
  key: number
}

/** Beyond this the level starts anew, so that small debts keep their digits. */
const LEVEL_MAX = 1e9

export class WorkedOff {
  readonly #debtors = new Map<string, Debtor>()
  /** Binary min-heap by `key`. */
  readonly #heap: Debtor[] = []
  #level = 0

  get size(): number {
    return this.#debtors.size
  }

  debtOf(name: string): number {
    const debtor = this.#debtors.get(name)
    return debtor === undefined ? 0 : debtor.level - this.#level
  }

  add(name: string, debt: number): void {
    const debtor = this.#debtors.get(name)
    if (debtor !== undefined) {
      // Its place in the heap is too early now; that is seen when its turn comes.
      debtor.level += debt
      return
    }
    const level = this.#level + debt
    const added = { name, level, key: level }
    this.#debtors.set(name, added)
    this.#heap.push(added)
    this.#rise(this.#heap.length - 1)
  }

  /** Works off `amount` in all. */
  work(amount: number): void {
    let left = amount
    for (let first = this.#heap[0]; first !== undefined && left > 0; first = this.#heap[0]) {
      if (first.key < first.level) {
        first.key = first.level
        this.#sink(0)
        continue
      }
      const count = this.#debtors.size
      const needed = (first.level - this.#level) * count
      if (needed > left) {
        this.#level += left / count
        break
      }
      left -= needed
      this.#level = first.level
      this.#debtors.delete(first.name)
      this.#removeFirst()
    }
    if (this.#debtors.size === 0) this.#level = 0
    else if (this.#level > LEVEL_MAX) this.#rebase()
  }

  #rebase(): void {
    for (const debtor of this.#heap) {
      debtor.level -= this.#level
      debtor.key -= this.#level
    }
    this.#level = 0
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(from: number): void {
    const heap = this.#heap
    const moved = heap[from]
    if (moved === undefined) return
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.key <= moved.key) break
      heap[at] = parent
      at = above
    }
    heap[at] = moved
  }

  #sink(from: number): void {
    const heap = this.#heap
    const moved = heap[from]
    if (moved === undefined) return
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const [one, other] = [heap[left], heap[left + 1]]
      if (one === undefined) break
      const isOther = other !== undefined && other.key < one.key
      const least = isOther ? other : one
      if (least.key >= moved.key) break
      heap[at] = least
      at = isOther ? left + 1 : left
    }
    heap[at] = moved
  }
}
