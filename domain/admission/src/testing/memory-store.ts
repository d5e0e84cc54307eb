/** Quarantine and policies in memory, with the promises of their ports, for tests. */

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

  async readSetting(name: string): Promise<string | undefined> {
    return this.settings.get(name)
  }

  async writeSetting(name: string, value: string): Promise<void> {
    this.#write()
    this.settings.set(name, value)
  }

  async listQuarantined(): Promise<readonly QuarantineEntry[]> {
    return [...this.quarantined.values()]
  }

  async writeQuarantined(entry: QuarantineEntry): Promise<boolean> {
    this.#write()
    if (this.absent.has(identityText(entry))) return false
    this.quarantined.set(identityText(entry), entry)
    return true
  }

  async deleteQuarantined(key: IdentityKey): Promise<boolean> {
    this.#write()
    return this.quarantined.delete(identityText(key))
  }

  async listConnectionPolicies(): Promise<readonly { readonly deviceId: string; readonly policy: string }[]> {
    return [...this.policies].map(([deviceId, policy]) => ({ deviceId, policy }))
  }

  async writeConnectionPolicy(deviceId: string, policy: string): Promise<boolean> {
    this.#write()
    if (this.absent.has(deviceId)) return false
    this.policies.set(deviceId, policy)
    return true
  }

  async deleteConnectionPolicy(deviceId: string): Promise<boolean> {
    this.#write()
    return this.policies.delete(deviceId)
  }

  #write(): void {
    if (this.isFull) throw new Error('the disk is full')
  }
}
