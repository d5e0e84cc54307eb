/** A store in memory, for tests, and what fuzzing needs of this package. */

import { formatDocument, parseDocument } from '../document.ts'
import type { StoredToken, TokenStore } from '../store.ts'

export class MemoryTokenStore implements TokenStore {
  readonly documents = new Map<string, string>()
  readonly events: unknown[] = []
  /** Whether the disk fails. */
  isBroken = false

  async listTokens(): Promise<{ readonly tokens: readonly StoredToken[]; readonly damaged: readonly string[] }> {
    return { tokens: [...this.documents].map(([id, document]) => ({ id, document })), damaged: [] }
  }

  async writeToken({ id, document }: StoredToken, because?: unknown): Promise<void> {
    await Promise.resolve()
    if (this.isBroken) throw new Error('the disk is full')
    this.documents.set(id, document)
    if (because !== undefined) this.events.push(because)
  }

  async deleteToken(id: string, because?: unknown): Promise<boolean> {
    await Promise.resolve()
    if (this.isBroken) throw new Error('the disk is full')
    if (because !== undefined) this.events.push(because)
    return this.documents.delete(id)
  }
}

export interface FuzzTarget {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const SEED = JSON.stringify({
  id: 'a',
  name: 'nightly',
  organisation: 'home',
  scope: [
    { role: 'auditor', on: 'organisation/home' },
    { actions: ['device:read'], on: 'device/pump-1' },
  ],
  maker: 'operator/local',
  isCanary: false,
  lifeMs: 60_000,
  createdTime: 1,
  secrets: [{ digest: '0'.repeat(64), createdTime: 1, expires: 2, lastUse: { at: 1, address: '192.0.2.1' } }],
  isToldUnused: false,
})

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'access-token-document',
    seeds: [Buffer.from(SEED)],
    run(bytes) {
      let token
      try {
        token = parseDocument(Buffer.from(bytes).toString('utf8'))
      } catch (error) {
        if (error instanceof TypeError || error instanceof SyntaxError) return
        throw error
      }
      const text = formatDocument(token)
      if (formatDocument(parseDocument(text)) !== text) throw new Error('what was read is written alike')
    },
  },
]
