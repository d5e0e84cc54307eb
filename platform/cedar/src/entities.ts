/** Who asks, and for what, as Cedar's entities: with whatever stands above them, and nothing else. */

import type { EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'
import type { PolicyQuestion, Resource } from '@holdfast/authorization'

export function principalOf({ principal }: PolicyQuestion): TypeAndId {
  return { type: principal.kind === 'person' ? 'Person' : 'Token', id: principal.id }
}

export function resourceOf(resource: Resource): TypeAndId {
  switch (resource.kind) {
    case 'hub':
      return { type: 'Hub', id: 'hub' }
    case 'organisation':
      return { type: 'Organisation', id: resource.organisation }
    case 'site':
      return site(resource)
    case 'fleet':
      return fleet(resource)
    case 'device':
      return { type: 'Device', id: resource.deviceId }
  }
}

export function entitiesOf(question: PolicyQuestion): EntityJson[] {
  const { resource, roles, hubOwner } = question
  const principal = entity(principalOf(question), ...roles.map((id) => ({ type: 'Role', id })))
  return [principal, ...aboveOf(resource, hubOwner)]
}

function aboveOf(resource: Resource, hubOwner: string): EntityJson[] {
  switch (resource.kind) {
    case 'hub':
      return [entity(resourceOf(resource), { type: 'Organisation', id: hubOwner })]
    case 'organisation':
      return []
    case 'site':
      return [entity(site(resource), { type: 'Organisation', id: resource.organisation })]
    case 'fleet':
      return [entity(fleet(resource), site(resource)), ...aboveOf({ ...resource, kind: 'site' }, hubOwner)]
    case 'device':
      return [entity(resourceOf(resource), fleet(resource)), ...aboveOf({ ...resource, kind: 'fleet' }, hubOwner)]
  }
}

function site({ organisation, site: name }: { readonly organisation: string; readonly site: string }): TypeAndId {
  return { type: 'Site', id: `${organisation}/${name}` }
}

function fleet(of: { readonly organisation: string; readonly site: string; readonly fleet: string }): TypeAndId {
  return { type: 'Fleet', id: `${of.organisation}/${of.site}/${of.fleet}` }
}

function entity(uid: TypeAndId, ...parents: readonly TypeAndId[]): EntityJson {
  return { uid, attrs: {}, parents: [...parents] }
}
