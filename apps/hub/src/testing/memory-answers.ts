/** Answers that are kept, in memory. */

import type { IdempotencyStore, KeptAnswer } from '@holdfast/store'

export class MemoryAnswers implements IdempotencyStore {
  readonly kept = new Map<string, { readonly digest: string; readonly answer?: KeptAnswer }>()
  isFull = false

  async reserveAnswer({ id, digest }: Parameters<IdempotencyStore['reserveAnswer']>[0]) {
    const known = this.kept.get(id)
    if (known !== undefined) return { kind: 'known', ...known } as const
    if (this.isFull) return { kind: 'full' } as const
    this.kept.set(id, { digest })
    return { kind: 'reserved' } as const
  }

  async keepAnswer(id: string, answer: KeptAnswer): Promise<void> {
    const known = this.kept.get(id)
    if (known !== undefined) this.kept.set(id, { ...known, answer })
  }

  async releaseAnswer(id: string): Promise<void> {
    this.kept.delete(id)
  }
}
