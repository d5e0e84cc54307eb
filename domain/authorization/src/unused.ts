/** What was given and is not used: each of it could be taken back, and nobody would miss it. */

import type { Access } from './access.ts'
import { formatNode, type Node, type Placement, type Resource } from './node.ts'
import type { Subject } from './subject.ts'
import { dayOf } from './use-counters.ts'
import type { Timestamp } from '@holdfast/base'

export interface UnusedGrant {
  readonly principal: string
  readonly role: string
  /** Where the role was given, as `formatNode` writes it. */
  readonly node: string
  readonly createdTime: Timestamp
  /** Actions that the role allows there and that were not used. */
  readonly unused: readonly string[]
  /** Actions that the role allows there in all. */
  readonly granted: number
}

/**
 * For each assignment of an organisation, what its role allows there and nobody used for `days` days.
 * @param placementOf where a device stands; undefined for one that does not exist.
 */
export async function listUnused(
  access: Access,
  organisation: string,
  {
    now,
    days,
    placementOf,
  }: {
    readonly now: Timestamp
    readonly days: number
    readonly placementOf: (deviceId: string) => Promise<Placement | undefined>
  },
): Promise<readonly UnusedGrant[]> {
  const assignments = access.assignments({ organisation })
  const principals = [...new Set(assignments.map(({ principal }) => principal))]
  const used = new Set(
    (await access.usesOf(principals, dayOf(now) - days))
      .filter(({ allowed }) => allowed > 0)
      .map(({ principal, action }) => `${principal}\n${action}`),
  )
  const unused: UnusedGrant[] = []
  for (const { principal, role, node, createdTime } of assignments) {
    const resource = await resourceAt(node, placementOf)
    const kind = principal.startsWith('token/') ? 'token' : 'person'
    // As if nothing were in the way that may pass: whoever is present and comes from a good workstation.
    const subject: Subject = { kind, name: principal, organisation, posture: 'full', isPresent: kind === 'person' }
    const granted =
      resource === undefined
        ? []
        : access.actions.filter(
            (action) => access.decisions.ask(subject, action, resource, { roles: [role], isScoped: false }).isAllowed,
          )
    const never = granted.filter((action) => !used.has(`${principal}\n${action}`))
    if (resource === undefined || never.length > 0) {
      unused.push({ principal, role, node: formatNode(node), createdTime, unused: never, granted: granted.length })
    }
  }
  return unused
}

async function resourceAt(
  node: Node,
  placementOf: (deviceId: string) => Promise<Placement | undefined>,
): Promise<Resource | undefined> {
  if (node.kind !== 'device') return node
  const placement = await placementOf(node.deviceId)
  return placement && { kind: 'device', deviceId: node.deviceId, ...placement }
}
