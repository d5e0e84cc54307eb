/** Who may do what: organisations and what is in them, roles, who has them, and why. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

const name = Type.String({ minLength: 1, maxLength: 63 })

/** `operator/ID` or `token/ID`. */
const who = Type.String({ minLength: 1, maxLength: 160 })

/** `organisation/NAME`, `site/ORGANISATION/NAME`, `fleet/ORGANISATION/SITE/NAME` or `device/ID`; `hub` where it says so. */
const node = Type.String({ minLength: 1, maxLength: 256 })

/** The text of a role; its length is judged beside what is wrong with it otherwise. */
const text = Type.String({ maxLength: 65_536 })

export const Organisation = shape('Organisation', {
  name: Type.String(),
  /** The hub itself belongs to this one. */
  isFirst: Type.Boolean(),
  createdTime: instant,
})
export type Organisation = Type.Static<typeof Organisation>

export const OrganisationTree = shape('OrganisationTree', {
  name: Type.String(),
  isFirst: Type.Boolean(),
  createdTime: instant,
  sites: Type.Array(closed({ name: Type.String(), fleets: Type.Array(Type.String()) })),
})
export type OrganisationTree = Type.Static<typeof OrganisationTree>

export const Name = shape('Name', { name })

const roleVersion = {
  name: Type.String(),
  /** Policies in Cedar (https://docs.cedarpolicy.com). */
  text: Type.String(),
  version: Type.Integer(),
  updatedTime: instant,
  updatedBy: Type.String(),
}

export const Role = shape('Role', { ...roleVersion, etag: Type.String() })
export type Role = Type.Static<typeof Role>

export const RoleVersion = shape('RoleVersion', roleVersion)
export type RoleVersion = Type.Static<typeof RoleVersion>

export const RoleText = shape('RoleText', { text })

/** Lines and columns count from 1. */
const place = { line: Type.Integer(), column: Type.Integer(), message: Type.String() }

export const RoleCheck = shape('RoleCheck', {
  /** The text counts only where there are none. */
  faults: Type.Array(closed(place)),
  /** What is not wrong and can hardly be meant. */
  warnings: Type.Array(closed(place)),
})
export type RoleCheck = Type.Static<typeof RoleCheck>

export const RoleSet = shape('RoleSet', { ...roleVersion, etag: Type.String(), warnings: Type.Array(closed(place)) })
export type RoleSet = Type.Static<typeof RoleSet>

export const AssignmentDraft = shape('AssignmentDraft', { who, role: name, on: node })

export const Assignment = shape('Assignment', {
  who: Type.String(),
  role: Type.String(),
  on: Type.String(),
  createdTime: instant,
  createdBy: Type.String(),
})
export type Assignment = Type.Static<typeof Assignment>

/** As if they were present and came from a good workstation, unless told otherwise. */
export const ExplainRequest = shape('ExplainRequest', {
  who,
  action: Type.String({ maxLength: 64 }),
  on: node,
  isPresent: Type.Optional(Type.Boolean()),
  isReadOnly: Type.Optional(Type.Boolean()),
})

export const Explanation = shape('Explanation', {
  isAllowed: Type.Boolean(),
  /** Where it is not. */
  why: Type.Optional(Type.Enum(['other-organisation', 'read-only', 'not-granted', 'forbidden', 'fault'])),
  /** That they have there. */
  roles: Type.Array(Type.String()),
  /** That decided, with their texts as they are now. */
  policies: Type.Array(closed({ id: Type.String(), text: Type.Optional(Type.String()) })),
  /** Where nothing grants it: roles of which each would. */
  rolesThatWould: Type.Array(Type.String()),
})
export type Explanation = Type.Static<typeof Explanation>

export const UnusedGrant = shape('UnusedGrant', {
  who: Type.String(),
  role: Type.String(),
  on: Type.String(),
  createdTime: instant,
  /** Actions that the role allows there and that they did not use. */
  unused: Type.Array(Type.String()),
  /** How many it allows there in all. */
  granted: Type.Integer(),
})
export type UnusedGrant = Type.Static<typeof UnusedGrant>

/** `organisation/site/fleet`. */
export const Placement = shape('Placement', { fleet: Type.String({ minLength: 1, maxLength: 191 }) })
export type Placement = Type.Static<typeof Placement>

const ORGANISATION = '/api/v1/organisations/{organisation}' as const
const SITE = `${ORGANISATION}/sites/{site}` as const
const ROLE = `${ORGANISATION}/roles/{role}` as const
const none = { kind: 'none' } as const

export const organisationOperations = {
  list: operation({
    id: 'organisation.list',
    method: 'GET',
    path: '/api/v1/organisations',
    summary: 'Lists organisations',
    action: 'access:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Organisation', Organisation) },
  }),
  add: operation({
    id: 'organisation.add',
    method: 'POST',
    path: '/api/v1/organisations',
    summary: 'Adds an organisation, with a first site and fleet and the roles that every organisation begins with',
    action: 'access:write',
    on: 'hub',
    body: Name,
    answer: { kind: 'json', status: 201, schema: Organisation },
  }),
  remove: operation({
    id: 'organisation.remove',
    method: 'DELETE',
    path: ORGANISATION,
    summary: 'Removes an organisation that has no devices',
    action: 'access:write',
    on: 'hub',
    answer: none,
  }),
  show: operation({
    id: 'organisation.show',
    method: 'GET',
    path: ORGANISATION,
    summary: 'Shows the sites and fleets of an organisation',
    action: 'access:read',
    on: 'organisation',
    answer: { kind: 'json', schema: OrganisationTree },
  }),
  addSite: operation({
    id: 'organisation.addSite',
    method: 'POST',
    path: `${ORGANISATION}/sites`,
    summary: 'Adds a site to an organisation',
    action: 'access:write',
    on: 'organisation',
    body: Name,
    answer: none,
  }),
  removeSite: operation({
    id: 'organisation.removeSite',
    method: 'DELETE',
    path: SITE,
    summary: 'Removes a site without fleets',
    action: 'access:write',
    on: 'organisation',
    answer: none,
  }),
  addFleet: operation({
    id: 'organisation.addFleet',
    method: 'POST',
    path: `${SITE}/fleets`,
    summary: 'Adds a fleet to a site',
    action: 'access:write',
    on: 'organisation',
    body: Name,
    answer: none,
  }),
  removeFleet: operation({
    id: 'organisation.removeFleet',
    method: 'DELETE',
    path: `${SITE}/fleets/{fleet}`,
    summary: 'Removes a fleet without devices',
    action: 'access:write',
    on: 'organisation',
    answer: none,
  }),
}

export const placementOperations = {
  show: operation({
    id: 'placement.show',
    method: 'GET',
    path: '/api/v1/devices/{id}/placement',
    summary: 'Shows the fleet in which a device stands',
    action: 'device:read',
    on: 'device',
    answer: { kind: 'json', schema: Placement },
  }),
  set: operation({
    id: 'placement.set',
    method: 'PUT',
    path: '/api/v1/devices/{id}/placement',
    summary: 'Moves a device into another fleet, which decides who may do what to it',
    action: 'access:write',
    on: 'device',
    body: Placement,
    answer: { kind: 'json', schema: Placement },
  }),
}

export const roleOperations = {
  list: operation({
    id: 'role.list',
    method: 'GET',
    path: `${ORGANISATION}/roles`,
    summary: 'Lists the roles of an organisation',
    action: 'access:read',
    on: 'organisation',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Role', Role) },
  }),
  show: operation({
    id: 'role.show',
    method: 'GET',
    path: ROLE,
    summary: 'Shows a role',
    action: 'access:read',
    on: 'organisation',
    isVersioned: true,
    answer: { kind: 'json', schema: Role },
  }),
  versions: operation({
    id: 'role.versions',
    method: 'GET',
    path: `${ROLE}/versions`,
    summary: 'Lists what a role said before, newest first',
    action: 'access:read',
    on: 'organisation',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('RoleVersion', RoleVersion) },
  }),
  check: operation({
    id: 'role.check',
    method: 'POST',
    path: `${ROLE}/check`,
    summary: 'Says what would be wrong with a text, and changes nothing',
    action: 'access:read',
    on: 'organisation',
    body: RoleText,
    answer: { kind: 'json', schema: RoleCheck },
  }),
  set: operation({
    id: 'role.set',
    method: 'PUT',
    path: ROLE,
    summary: 'Gives a role its text, and makes the role where there is none',
    action: 'access:write',
    on: 'organisation',
    body: RoleText,
    isVersioned: true,
    answer: { kind: 'json', schema: RoleSet },
  }),
  reset: operation({
    id: 'role.reset',
    method: 'POST',
    path: `${ROLE}/reset`,
    summary: 'Gives a role the text with which every organisation begins',
    action: 'access:write',
    on: 'organisation',
    answer: { kind: 'json', schema: Role },
  }),
  remove: operation({
    id: 'role.remove',
    method: 'DELETE',
    path: ROLE,
    summary: 'Removes a role, and takes it from everybody who has it',
    action: 'access:write',
    on: 'organisation',
    isVersioned: true,
    answer: none,
  }),
}

export const assignmentOperations = {
  list: operation({
    id: 'assignment.list',
    method: 'GET',
    path: `${ORGANISATION}/assignments`,
    summary: 'Lists who has which role where',
    action: 'access:read',
    on: 'organisation',
    query: closed({ ...paging, who: Type.Optional(who) }),
    answer: { kind: 'json', schema: page('Assignment', Assignment) },
  }),
  add: operation({
    id: 'assignment.add',
    method: 'POST',
    path: `${ORGANISATION}/assignments`,
    summary: 'Gives somebody a role at a node, and at all that is below it',
    action: 'access:write',
    on: 'organisation',
    body: AssignmentDraft,
    answer: { kind: 'json', status: 201, schema: Assignment },
  }),
  remove: operation({
    id: 'assignment.remove',
    method: 'POST',
    path: `${ORGANISATION}/assignments/remove`,
    summary: 'Takes a role from somebody',
    action: 'access:write',
    on: 'organisation',
    body: AssignmentDraft,
    answer: none,
  }),
}

export const accessOperations = {
  explain: operation({
    id: 'access.explain',
    method: 'POST',
    path: `${ORGANISATION}/access/explain`,
    summary: 'Says why somebody may do something, or what is missing',
    action: 'access:read',
    on: 'organisation',
    body: ExplainRequest,
    answer: { kind: 'json', schema: Explanation },
  }),
  unused: operation({
    id: 'access.unused',
    method: 'GET',
    path: `${ORGANISATION}/access/unused`,
    summary: 'Lists what was given and was not used',
    action: 'access:read',
    on: 'organisation',
    query: closed({ ...paging, days: Type.Optional(Type.Integer({ minimum: 1, maximum: 400 })) }),
    answer: { kind: 'json', schema: page('UnusedGrant', UnusedGrant) },
  }),
}
