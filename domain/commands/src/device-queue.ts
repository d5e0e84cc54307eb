/** The queue of one device or module while somebody works on it: the machine, and who waits for what is in it. */

import type { IdentityKey } from '@holdfast/identity'
import { PeekLockQueue } from './peek-lock-queue.ts'

const NONE: readonly (() => void)[] = []

export class DeviceQueue {
  readonly key: IdentityKey
  machine = new PeekLockQueue()
  /** Few, most often one; replaced and not changed, so that who is being called may come and go. */
  listeners: readonly (() => void)[] = NONE
  /** Of the identity whose messages these are; undefined until it is known. */
  generationId: string | undefined
  /** `over`: the identity is gone, and whoever still listens gets nothing more, not even of another of the same id. */
  state: 'unread' | 'reading' | 'read' | 'over' = 'unread'
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

  end(): void {
    this.reset()
    this.state = 'over'
  }

  /** Whether forgetting it loses nothing. */
  get isIdle(): boolean {
    return this.listeners.length === 0 && this.pins === 0 && this.machine.isAtRest
  }

  notify(): void {
    for (const listener of this.listeners) listener()
  }
}
