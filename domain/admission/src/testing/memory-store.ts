/** Quarantine and policies in memory, with the promises of their ports, for tests. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import { type IdentityKey, identityText } from '@holdfast/identity'
import type { ConnectionPolicyStore } from '../connection-policies.ts'
import type { QuarantineEntry, QuarantineStore } from '../quarantine.ts'

export class MemoryAdmissionStore implements QuarantineStore, ConnectionPolicyStore {
  readonly settings = new Map<string, string>()
  readonly quarantined = new Map<string, QuarantineEntry>()
  readonly policies = new Map<string, string>()
  /** Ids of identities that do not exist. */
  readonly absent = new Set<string>()
  /** Whether the disk takes nothing. */
  isFull = false
  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  async readSetting(name: string): Promise<string | undefined> {
    return this.settings.get(name)
  }

  async writeSetting(name: string, value: string, because?: Because): Promise<void> {
    this.#write()
    this.settings.set(name, value)
    this.#record(because)
  }

  async listQuarantined(): Promise<readonly QuarantineEntry[]> {
    return [...this.quarantined.values()]
  }

  async writeQuarantined(entry: QuarantineEntry, because?: Because): Promise<boolean> {
    this.#write()
    if (this.absent.has(identityText(entry))) return false
    this.quarantined.set(identityText(entry), entry)
    this.#record(because)
    return true
  }

  async deleteQuarantined(key: IdentityKey, because?: Because): Promise<boolean> {
    this.#write()
    this.#record(because)
    return this.quarantined.delete(identityText(key))
  }

  async listConnectionPolicies(): Promise<readonly { readonly deviceId: string; readonly policy: string }[]> {
    return [...this.policies].map(([deviceId, policy]) => ({ deviceId, policy }))
  }

  async writeConnectionPolicy(deviceId: string, policy: string, because?: Because): Promise<boolean> {
    this.#write()
    if (this.absent.has(deviceId)) return false
    this.policies.set(deviceId, policy)
    this.#record(because)
    return true
  }

  async deleteConnectionPolicy(deviceId: string, because?: Because): Promise<boolean> {
    this.#write()
    if (!this.policies.delete(deviceId)) return false
    this.#record(because)
    return true
  }

  #record(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.#sink(event)
  }

  #write(): void {
    if (this.isFull) throw new Error('the disk is full')
  }
}
