/** The tree that decides whose things are: organisation, site, fleet, device, and the hub itself. */

/** Longest name of an organisation, a site or a fleet, in characters: that of a DNS label. */
export const NAME_CHARACTERS_MAX = 63

/** Longest device id, in characters (azure-iot.md §2). */
export const DEVICE_ID_CHARACTERS_MAX = 128

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** What a role can be given at. Names are lower-case labels and unique in what holds them. */
export type Node =
  | { readonly kind: 'organisation'; readonly organisation: string }
  | { readonly kind: 'site'; readonly organisation: string; readonly site: string }
  | { readonly kind: 'fleet'; readonly organisation: string; readonly site: string; readonly fleet: string }
  | { readonly kind: 'device'; readonly deviceId: string }

/** Where a device stands. */
export interface Placement {
  readonly organisation: string
  readonly site: string
  readonly fleet: string
}

/** What a decision is about: the hub itself, a node of the tree, or a device where it stands. */
export type Resource =
  | { readonly kind: 'hub' }
  | Exclude<Node, { readonly kind: 'device' }>
  | ({ readonly kind: 'device'; readonly deviceId: string } & Placement)

export function isName(text: string): boolean {
  return NAME.test(text)
}

/** `organisation/home`, `site/home/plant-1`, `fleet/home/plant-1/pumps`, `device/pump-1`. */
export function formatNode(node: Node): string {
  switch (node.kind) {
    case 'organisation':
      return `organisation/${node.organisation}`
    case 'site':
      return `site/${node.organisation}/${node.site}`
    case 'fleet':
      return `fleet/${node.organisation}/${node.site}/${node.fleet}`
    case 'device':
      return `device/${node.deviceId}`
  }
}

/** Undefined for what no node is called. */
export function parseNode(text: string): Node | undefined {
  const slash = text.indexOf('/')
  const kind = text.slice(0, slash)
  const rest = text.slice(slash + 1)
  if (slash < 0) return undefined
  if (kind === 'device') {
    return rest.length === 0 || rest.length > DEVICE_ID_CHARACTERS_MAX ? undefined : { kind, deviceId: rest }
  }
  const names = rest.split('/')
  if (!names.every(isName)) return undefined
  const [organisation = '', site = '', fleet = ''] = names
  if (kind === 'organisation' && names.length === 1) return { kind, organisation }
  if (kind === 'site' && names.length === 2) return { kind, organisation, site }
  if (kind === 'fleet' && names.length === 3) return { kind, organisation, site, fleet }
  return undefined
}
