import type { Subscription } from './front-messages.ts'

/** Persistent MQTT sessions (clean session 0), by identity. Writes are durable before they resolve. */
export interface SessionStore {
  readSession(key: {
    readonly deviceId: string
    readonly moduleId?: string
  }): Promise<readonly Subscription[] | undefined>
  writeSession(
    key: { readonly deviceId: string; readonly moduleId?: string },
    subscriptions: readonly Subscription[],
  ): Promise<void>
  deleteSession(key: { readonly deviceId: string; readonly moduleId?: string }): Promise<void>
}
