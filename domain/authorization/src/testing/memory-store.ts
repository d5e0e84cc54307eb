/** Who may do what, in memory, with the promises of `store.ts`. Events that a write brings go to the sink. */

import { type Because, type EventSink, eventsOf } from '@holdfast/audit'
import { formatNode } from '../node.ts'
import type { RoleVersion } from '../role.ts'
import type { AccessChange, AccessState, AccessStore, Use, UseSum } from '../store.ts'
import { formatPlacement } from '../tree.ts'

type Outcome = Awaited<ReturnType<AccessStore['changeAccess']>>

export class MemoryAccessStore implements AccessStore {
  state: AccessState = { organisations: [], sites: [], fleets: [], roles: [], assignments: [] }
  versions: readonly RoleVersion[] = []
  uses: readonly Use[] = []
  /** Fleets that devices stand in, as devices keep them. */
  readonly used = new Set<string>()
  sink: EventSink
  /** Set to make every change reject with it. */
  failure: Error | undefined

  constructor(sink: EventSink = () => {}) {
    this.sink = sink
  }

  async readAccess(): Promise<AccessState> {
    return structuredClone(this.state)
  }

  async changeAccess(change: AccessChange, because?: Because): Promise<Outcome> {
    if (this.failure !== undefined) throw this.failure
    const outcome = this.#apply(structuredClone(change))
    if (outcome === 'written') for (const event of eventsOf(because)) this.sink(event)
    return outcome
  }

  async listRoleVersions(organisation: string, name: string): Promise<readonly RoleVersion[]> {
    return this.versions.filter((one) => one.organisation === organisation && one.name === name).toReversed()
  }

  async countUse(uses: readonly Use[], keptFrom: number): Promise<void> {
    this.uses = [...this.uses, ...uses].filter(({ day }) => day >= keptFrom)
  }

  async listUse(principals: readonly string[], sinceDay: number): Promise<readonly UseSum[]> {
    const sums = new Map<string, UseSum>()
    for (const { principal, action, day, allowed } of this.uses) {
      if (!principals.includes(principal) || day < sinceDay) continue
      const before = sums.get(`${principal} ${action}`)
      sums.set(`${principal} ${action}`, {
        principal,
        action,
        allowed: (before?.allowed ?? 0) + allowed,
        lastDay: Math.max(before?.lastDay ?? 0, day),
      })
    }
    return [...sums.values()]
  }

  #apply(change: AccessChange): Outcome {
    const { state } = this
    switch (change.kind) {
      case 'add-organisation': {
        const { organisation, placement, roles } = change
        if (state.organisations.some(({ name }) => name === organisation.name)) return 'exists'
        this.state = {
          organisations: [...state.organisations, organisation],
          sites: [...state.sites, { organisation: placement.organisation, site: placement.site }],
          fleets: [...state.fleets, placement],
          roles: [...state.roles, ...roles],
          assignments: state.assignments,
        }
        this.versions = [...this.versions, ...roles]
        return 'written'
      }
      case 'remove-organisation': {
        const isOther = ({ organisation }: { readonly organisation: string }): boolean =>
          organisation !== change.organisation
        if ([...this.used].some((fleet) => fleet.startsWith(`${change.organisation}/`))) return 'in-use'
        this.state = {
          organisations: state.organisations.filter(({ name }) => name !== change.organisation),
          sites: state.sites.filter(isOther),
          fleets: state.fleets.filter(isOther),
          roles: state.roles.filter(isOther),
          assignments: state.assignments.filter(isOther),
        }
        return 'written'
      }
      case 'add-site':
        this.state = { ...state, sites: [...state.sites, change.site] }
        return 'written'
      case 'remove-site': {
        const { organisation, site } = change.site
        if (state.fleets.some((one) => one.organisation === organisation && one.site === site)) return 'in-use'
        const isOther = (one: typeof change.site): boolean => one.organisation !== organisation || one.site !== site
        this.state = { ...state, sites: state.sites.filter(isOther), ...this.#without(`site/${organisation}/${site}`) }
        return 'written'
      }
      case 'add-fleet':
        this.state = { ...state, fleets: [...state.fleets, change.placement] }
        return 'written'
      case 'remove-fleet': {
        const text = formatPlacement(change.placement)
        if (this.used.has(text)) return 'in-use'
        const fleets = state.fleets.filter((one) => formatPlacement(one) !== text)
        this.state = { ...state, fleets, ...this.#without(`fleet/${text}`) }
        return 'written'
      }
      case 'write-role': {
        const { role, found } = change
        const isThis = (one: { readonly organisation: string; readonly name: string }): boolean =>
          one.organisation === role.organisation && one.name === role.name
        if (state.roles.find(isThis)?.etag !== found) return 'conflict'
        this.state = { ...state, roles: [...state.roles.filter((one) => !isThis(one)), role] }
        this.versions = [...this.versions, role]
        return 'written'
      }
      case 'remove-role': {
        const { organisation, name, found } = change
        const role = state.roles.find((one) => one.organisation === organisation && one.name === name)
        if (role?.etag !== found) return 'conflict'
        this.state = {
          ...state,
          roles: state.roles.filter((one) => one !== role),
          assignments: state.assignments.filter((one) => one.organisation !== organisation || one.role !== name),
        }
        return 'written'
      }
      case 'assign':
        this.state = { ...state, assignments: [...state.assignments, change.assignment] }
        return 'written'
      case 'unassign': {
        const { principal, role, node } = change.assignment
        const assignments = state.assignments.filter(
          (one) => one.principal !== principal || one.role !== role || formatNode(one.node) !== formatNode(node),
        )
        if (assignments.length === state.assignments.length) return 'missing'
        this.state = { ...state, assignments }
        return 'written'
      }
      case 'unassign-all':
        this.state = { ...state, assignments: state.assignments.filter((one) => one.principal !== change.principal) }
        return 'written'
    }
  }

  #without(node: string): Pick<AccessState, 'assignments'> {
    return { assignments: this.state.assignments.filter((one) => formatNode(one.node) !== node) }
  }
}
