/** Organisations, sites and fleets, in memory: they are few, and every decision asks for them. */

import type { Timestamp } from '@holdfast/base'
import type { Node, Placement, Resource } from './node.ts'

export interface Organisation {
  readonly name: string
  /** The one that was there first: the hub itself is its own. */
  readonly isFirst: boolean
  readonly createdTime: Timestamp
}

export interface Site {
  readonly organisation: string
  readonly site: string
}

/** What there is at the first start. Devices of which nothing else is said stand in this fleet. */
export const FIRST_PLACEMENT: Placement = { organisation: 'home', site: 'main', fleet: 'default' }

/** `home/main/default`: the form in which a device keeps where it stands. */
export function formatPlacement({ organisation, site, fleet }: Placement): string {
  return `${organisation}/${site}/${fleet}`
}

export function parsePlacement(text: string): Placement | undefined {
  const [organisation, site, fleet, more] = text.split('/')
  if (organisation === undefined || site === undefined || fleet === undefined || more !== undefined) return undefined
  return { organisation, site, fleet }
}

export class Tree {
  readonly #organisations = new Map<string, Organisation>()
  readonly #sites = new Set<string>()
  readonly #fleets = new Map<string, Placement>()
  #first = FIRST_PLACEMENT.organisation

  /** Name of the organisation that the hub belongs to. */
  get first(): string {
    return this.#first
  }

  /** Where a device stands that says nothing of it. */
  get firstPlacement(): Placement {
    return { ...FIRST_PLACEMENT, organisation: this.#first }
  }

  get size(): number {
    return this.#organisations.size
  }

  clear(): void {
    this.#organisations.clear()
    this.#sites.clear()
    this.#fleets.clear()
  }

  addOrganisation(organisation: Organisation): void {
    this.#organisations.set(organisation.name, organisation)
    if (organisation.isFirst) this.#first = organisation.name
  }

  addSite({ organisation, site }: Site): void {
    this.#sites.add(`${organisation}/${site}`)
  }

  addFleet(placement: Placement): void {
    this.#fleets.set(formatPlacement(placement), placement)
  }

  remove(node: Exclude<Node, { readonly kind: 'device' }>): void {
    if (node.kind === 'organisation') this.#organisations.delete(node.organisation)
    else if (node.kind === 'site') this.#sites.delete(`${node.organisation}/${node.site}`)
    else this.#fleets.delete(formatPlacement(node))
  }

  organisation(name: string): Organisation | undefined {
    return this.#organisations.get(name)
  }

  organisations(): readonly Organisation[] {
    return [...this.#organisations.values()]
  }

  sitesOf(organisation: string): readonly Site[] {
    return [...this.#sites].flatMap((text) => {
      const [of = '', site = ''] = text.split('/')
      return of === organisation ? [{ organisation, site }] : []
    })
  }

  fleetsOf(organisation: string, site?: string): readonly Placement[] {
    return [...this.#fleets.values()].filter(
      (one) => one.organisation === organisation && (site === undefined || one.site === site),
    )
  }

  has(node: Exclude<Node, { readonly kind: 'device' }>): boolean {
    if (node.kind === 'organisation') return this.#organisations.has(node.organisation)
    if (node.kind === 'site') return this.#sites.has(`${node.organisation}/${node.site}`)
    return this.#fleets.has(formatPlacement(node))
  }

  /** @param fleet as the device keeps it. Undefined, or what is no fleet any more: where devices stand by themselves. */
  placementOf(fleet: string | undefined): Placement {
    return (fleet === undefined ? undefined : this.#fleets.get(fleet)) ?? this.firstPlacement
  }

  /** Whose a resource is. */
  ownerOf(resource: Resource): string {
    return resource.kind === 'hub' ? this.#first : resource.organisation
  }
}

/** Whether what is given at `node` holds for `resource`: at the node itself, and below it. */
export function covers(node: Node, resource: Resource, hubOwner: string): boolean {
  if (node.kind === 'device') return resource.kind === 'device' && resource.deviceId === node.deviceId
  if (resource.kind === 'hub') return node.kind === 'organisation' && node.organisation === hubOwner
  if (resource.organisation !== node.organisation) return false
  if (node.kind === 'organisation') return true
  if (resource.kind === 'organisation' || resource.site !== node.site) return false
  if (node.kind === 'site') return true
  return resource.kind !== 'site' && resource.fleet === node.fleet
}
