import type { IdentityKey } from '@holdfast/identity'
import type { Subscription } from '../front-messages.ts'
import type { SessionAnswer, SessionRequest } from '../session-requests.ts'
import type { SessionStore } from '../session-store.ts'

/** Persistent sessions in memory. `isFailing` makes every call reject. */
export class MemorySessionStore implements SessionStore {
  isFailing = false
  readonly #sessions = new Map<string, readonly Subscription[]>()

  get size(): number {
    return this.#sessions.size
  }

  async readSession(key: IdentityKey): Promise<readonly Subscription[] | undefined> {
    this.#check()
    return this.#sessions.get(nameOf(key))
  }

  async writeSession(key: IdentityKey, subscriptions: readonly Subscription[]): Promise<void> {
    this.#check()
    this.#sessions.set(nameOf(key), subscriptions)
  }

  async deleteSession(key: IdentityKey): Promise<void> {
    this.#check()
    this.#sessions.delete(nameOf(key))
  }

  /** What is on disk now. */
  stored(key: IdentityKey): readonly Subscription[] | undefined {
    return this.#sessions.get(nameOf(key))
  }

  /** The same as `runSessionRequest` on this store, at once: for machines under a virtual clock. */
  answer(request: SessionRequest): SessionAnswer {
    const { ticket, key } = request
    if (this.isFailing) return { kind: 'failed', ticket }
    const stored = this.#sessions.get(nameOf(key))
    if (request.kind === 'discard') this.#sessions.delete(nameOf(key))
    else if (request.kind === 'write') this.#sessions.set(nameOf(key), request.subscriptions)
    else if (stored === undefined) this.#sessions.set(nameOf(key), [])
    else return { kind: 'done', ticket, stored }
    return { kind: 'done', ticket }
  }

  #check(): void {
    if (this.isFailing) throw new Error('the session store fails, as the test wants')
  }
}

function nameOf(key: IdentityKey): string {
  return key.moduleId === undefined ? key.deviceId : `${key.deviceId}/${key.moduleId}`
}
