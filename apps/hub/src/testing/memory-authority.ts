/** The hub's own authority in memory: real keys and certificates, files that a test can look at. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { type KeyRing, openKeys } from '@holdfast/keys'
import { MemoryFolder, testEnvironment } from '@holdfast/keys/testing'
import type { ActiveDevice, MoveEvidence, MoveEvidenceKind } from '@holdfast/store'
import { HubAuthority, type HubAuthorityParts } from '../core/hub-authority.ts'
import { Notices } from '../core/notices.ts'
import { recordFirst } from '../core/record-first.ts'
import { AuthorityService, type AuthorityServiceParts } from '../trust/authority/authority-service.ts'
import { MoveWitness } from '../trust/authority/move-witness.ts'

/** Devices and what was seen of them. */
export class MemoryMoves {
  readonly active = new Map<string, ActiveDevice>()

  async writeMoveEvidence(records: readonly MoveEvidence[]): Promise<void> {
    const strength: readonly (MoveEvidenceKind | undefined)[] = [undefined, 'fetched', 'renewed', 'connected']
    for (const { deviceId, kind } of records) {
      const device = this.active.get(deviceId)
      if (device === undefined || strength.indexOf(device.evidence) > strength.indexOf(kind)) continue
      this.active.set(deviceId, { ...device, evidence: kind })
    }
  }

  async clearMoveEvidence(): Promise<void> {
    for (const [deviceId, { evidence: _, ...device }] of this.active) this.active.set(deviceId, device)
  }

  async listActiveDevices({ after = '', limit }: { readonly after?: string; readonly limit: number }) {
    const ordered = [...this.active.values()].toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
    return ordered.filter(({ deviceId }) => deviceId > after).slice(0, limit)
  }
}

export async function memoryAuthority(
  clock: Clock,
  changes: Partial<HubAuthorityParts> & {
    readonly issued?: AuthorityServiceParts['issued']
    readonly cutOff?: AuthorityServiceParts['cutOff']
  } = {},
) {
  const environment = testEnvironment(clock)
  const ring: KeyRing = changes.ring ?? (await openKeys(new MemoryFolder(), environment)).ring
  const folder = changes.folder ?? new MemoryFolder()
  const events: SecurityEvent[] = []
  const authority = await HubAuthority.open({
    folder,
    ring,
    clock,
    random: environment.random,
    events: (event) => events.push(event),
    recordFirst: recordFirst({ sink: (event) => events.push(event), durable: () => undefined }),
    hostNames: ['hub.example'],
    ...changes,
  })
  const moves = new MemoryMoves()
  const notices = new Notices(() => undefined)
  const followed: string[] = []
  const fault = (error: unknown): void => {
    throw error
  }
  const witness = new MoveWitness({ store: moves, clock, rollover: () => authority.rollover, fault })
  const service = new AuthorityService({
    authority,
    follow: async () => void followed.push(authority.material().certificate),
    notices,
    clock,
    store: moves,
    witness,
    issued: changes.issued ?? { countByIssuer: async () => [], cutsOf: async () => [] },
    cutOff: changes.cutOff ?? (async (cuts) => ({ sessionsClosed: cuts.length, milliseconds: 1 })),
  })
  return { authority, service, witness, moves, notices, followed, events, folder, ring }
}
