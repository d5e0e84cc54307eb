/** The queue of one device or module while somebody works on it: the machine, and who waits for what is in it. */

import type { IdentityKey } from '@holdfast/identity'
import { PeekLockQueue } from './peek-lock-queue.ts'

export class DeviceQueue {
  readonly key: IdentityKey
  machine = new PeekLockQueue()
  readonly listeners = new Set<() => void>()
  /** Of the identity whose messages these are; undefined until it is known. */
  generationId: string | undefined
  state: 'unread' | 'reading' | 'read' = 'unread'
  reading: Promise<void> | undefined
  /** Calls under way that hold it in memory. */
  pins = 0

  constructor(key: IdentityKey) {
    this.key = key
  }

  /** What is here is of an identity that is gone. */
  reset(): void {
    this.machine = new PeekLockQueue()
    this.generationId = undefined
    this.state = 'unread'
  }

  /** Whether forgetting it loses nothing. */
  get isIdle(): boolean {
    return this.listeners.size === 0 && this.pins === 0 && this.machine.isAtRest
  }

  notify(): void {
    for (const listener of this.listeners.values().toArray()) listener()
  }
}
