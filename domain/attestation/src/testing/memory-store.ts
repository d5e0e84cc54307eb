/** The store in memory, for tests and simulations; it keeps the rules that the port asks for. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import type { AttestationPolicy } from '../policy.ts'
import { standingIn } from '../attestations.ts'
import type {
  AttestationRecord,
  AttestationStore,
  ReferenceSigner,
  StoredPolicy,
  StoredReferenceValues,
  StoredStanding,
} from '../store.ts'

export class MemoryAttestationStore implements AttestationStore {
  /** Generations of the devices that there are. */
  readonly devices = new Map<string, string>()
  readonly #records = new Map<string, AttestationRecord>()
  readonly #signers = new Map<string, ReferenceSigner>()
  readonly #values = new Map<string, StoredReferenceValues>()
  readonly #policies = new Map<string | undefined, AttestationPolicy>()
  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  readAttestation(deviceId: string): Promise<AttestationRecord | undefined> {
    return Promise.resolve(this.#records.get(deviceId))
  }

  writeAttestation(
    record: AttestationRecord,
    because?: Because,
  ): Promise<'written' | 'device-missing' | 'endorsement-key-taken'> {
    if (this.devices.get(record.deviceId) !== record.generationId) return Promise.resolve('device-missing')
    for (const { deviceId, endorsementName } of this.#records.values()) {
      if (deviceId !== record.deviceId && endorsementName === record.endorsementName) {
        return Promise.resolve('endorsement-key-taken')
      }
    }
    this.#records.set(record.deviceId, record)
    this.#record(because)
    return Promise.resolve('written')
  }

  deleteAttestation(deviceId: string, because?: Because): Promise<boolean> {
    const wasThere = this.#records.delete(deviceId)
    if (wasThere) this.#record(because)
    return Promise.resolve(wasThere)
  }

  listStandings({ limit, after = '' }: { limit: number; after?: string }): Promise<readonly StoredStanding[]> {
    const found = [...this.#records.values()].filter(({ deviceId }) => deviceId > after)
    found.sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
    return Promise.resolve(found.slice(0, limit).map(standingIn))
  }

  listReferenceSigners(): Promise<readonly ReferenceSigner[]> {
    return Promise.resolve([...this.#signers.values()])
  }

  writeReferenceSigner(signer: ReferenceSigner, because?: Because): Promise<void> {
    this.#signers.set(signer.name, signer)
    this.#record(because)
    return Promise.resolve()
  }

  deleteReferenceSigner(name: string, because?: Because): Promise<void> {
    if (this.#signers.delete(name)) this.#record(because)
    for (const { name: document, signer } of this.#values.values()) if (signer === name) this.#values.delete(document)
    return Promise.resolve()
  }

  listReferenceValues(): Promise<readonly StoredReferenceValues[]> {
    return Promise.resolve([...this.#values.values()])
  }

  writeReferenceValues(values: StoredReferenceValues, because?: Because): Promise<void> {
    this.#values.set(values.name, values)
    this.#record(because)
    return Promise.resolve()
  }

  deleteReferenceValues(name: string, because?: Because): Promise<void> {
    if (this.#values.delete(name)) this.#record(because)
    return Promise.resolve()
  }

  listAttestationPolicies(): Promise<readonly StoredPolicy[]> {
    return Promise.resolve([...this.#policies].map(([deviceId, policy]) => ({ deviceId, policy })))
  }

  writeAttestationPolicy(
    deviceId: string | undefined,
    policy: AttestationPolicy | undefined,
    because?: Because,
  ): Promise<'written' | 'device-missing'> {
    if (deviceId !== undefined && policy !== undefined && !this.devices.has(deviceId)) {
      return Promise.resolve('device-missing')
    }
    const isChange = policy === undefined ? this.#policies.delete(deviceId) : this.#policies.set(deviceId, policy)
    if (isChange !== false) this.#record(because)
    return Promise.resolve('written')
  }

  #record(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.#sink(event)
  }
}
