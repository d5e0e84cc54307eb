/**
 * Copies of identities, quarantine, and how devices may connect.
 *
 *   GET    /api/v1/quarantine?after=&limit=                Page<Quarantined>
 *   POST   /api/v1/quarantine                              QuarantineAdd -> Quarantined (201)
 *   DELETE /api/v1/quarantine/{id}[/modules/{module}]      204: let out, and what was found of it cleared
 *   GET    /api/v1/devices/{id}[/modules/{m}]/masquerade   Masquerade
 *   DELETE the same                                        204: what was found is cleared; nonce and counter begin anew
 *   GET    /api/v1/connection-policy                       PolicyShown: of every device without another
 *   POST   the same                                        ConnectionPolicy -> PolicyShown
 *   DELETE the same                                        204
 *   the same under /api/v1/devices/{id}                    of this device, before its model's
 */

import Type from 'typebox'

export const QuarantineAdd = Type.Object(
  {
    deviceId: Type.String({ minLength: 1, maxLength: 128 }),
    moduleId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    reason: Type.String({ minLength: 1, maxLength: 1_024 }),
  },
  { additionalProperties: false },
)
export type QuarantineAdd = Type.Static<typeof QuarantineAdd>

export interface Quarantined {
  deviceId: string
  moduleId?: string
  reason: string
  at: string
  /** `hub` where findings did it. */
  actor: string
}

/** Read strictly, every fault named, by the reader of connection policies. */
export const ConnectionPolicyDraft = Type.Object({})

export interface ConnectionPolicy {
  networks?: string[]
  transports?: string[]
  tlsFloor?: string
  duplicates?: string
  whenSuspected?: string
  whenProven?: string
  nonce?: string
}

export interface PolicyShown {
  /** What was set there; null where nothing was. */
  policy: ConnectionPolicy | null
  /** What holds there now, with what stands farther. */
  effective: ConnectionPolicy
}

export interface Masquerade {
  deviceId: string
  moduleId?: string
  verdict: 'clear' | 'suspected' | 'proven'
  /** Points now; `provenScore` of what only somebody with a credential can cause. */
  score: number
  provenScore: number
  suspectedFrom: number
  provenFrom: number
  reasons: {
    finding: string
    count: number
    at: string
    what: string
    points: number
    worth: number
    proven: boolean
  }[]
  /** The latest connections, oldest first. */
  connections: {
    at: string
    network: string
    client: string
    certificate?: string
    endedAt?: string
    takenOver?: boolean
  }[]
  /** `waiting`: for an answer in this connection. */
  nonce: 'none' | 'waiting' | 'answered'
  counter?: number
  quarantined?: Quarantined
}
