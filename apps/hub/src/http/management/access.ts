/** Who may do what: organisations, roles, who has them, and why (`protocol/api/src/access.ts`). */

import { AccessApi, ACTIONS, type Action } from '@holdfast/api'
import {
  type Access,
  type Assignment,
  explain,
  formatNode,
  listUnused,
  type Node,
  type Organisation,
  parseNode,
  type PolicyFault,
  type Resource,
  type Role,
  type RoleVersion,
} from '@holdfast/authorization'
import { formatTimestamp } from '@holdfast/base'
import type { AuthorizationOffice } from '../../people/authorization-office.ts'
import { badRequest, Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { withoutAction } from './authorize.ts'
import { type Call, type Route, serve } from './route.ts'

const { accessOperations, assignmentOperations, organisationOperations, placementOperations, roleOperations } =
  AccessApi

/** What has not been used for so long, in days, could be taken back. */
const UNUSED_DAYS = 90
const PAGE_ITEMS = 100

export const ACCESS_ROUTES: readonly Route[] = [
  serve(organisationOperations.list, async (call) =>
    paged(call.query, accessOf(call).tree.organisations(), ({ name }) => name, organisationJson),
  ),
  serve(organisationOperations.add, async (call) =>
    organisationJson(await accessOf(call).addOrganisation(call.body.name, actorName(call.actor))),
  ),
  serve(organisationOperations.remove, async (call) => {
    await accessOf(call).removeOrganisation(call.path.organisation, actorName(call.actor))
    return undefined
  }),
  serve(organisationOperations.show, async (call) => treeOf(accessOf(call), call.path.organisation)),
  serve(organisationOperations.addSite, async (call) => {
    const { organisation } = call.path
    await accessOf(call).addSite({ organisation, site: call.body.name }, actorName(call.actor))
    return undefined
  }),
  serve(organisationOperations.removeSite, async (call) => {
    await accessOf(call).removeSite(call.path, actorName(call.actor))
    return undefined
  }),
  serve(organisationOperations.addFleet, async (call) => {
    await accessOf(call).addFleet({ ...call.path, fleet: call.body.name }, actorName(call.actor))
    return undefined
  }),
  serve(organisationOperations.removeFleet, async (call) => {
    await accessOf(call).removeFleet(call.path, actorName(call.actor))
    return undefined
  }),

  serve(roleOperations.list, async (call) =>
    paged(call.query, accessOf(call).roles(call.path.organisation), ({ name }) => name, roleJson),
  ),
  serve(roleOperations.show, async (call) => {
    const role = accessOf(call).role(call.path.organisation, call.path.role)
    if (role === undefined) throw noSuchRole()
    return roleJson(role)
  }),
  serve(roleOperations.versions, async (call) => {
    const { organisation, role } = call.path
    const versions = await accessOf(call).roleVersions(organisation, role)
    if (versions.length === 0) throw noSuchRole()
    // Descending, so that the newest comes first.
    const numberOf = ({ version }: RoleVersion): string => String(1e9 - version)
    return paged(call.query, versions, numberOf, versionJson)
  }),
  serve(roleOperations.check, async (call) => {
    const { faults, warnings } = accessOf(call).check(call.path.role, call.body.text)
    return { faults: placesOf(faults), warnings: placesOf(warnings) }
  }),
  serve(roleOperations.set, async (call) => {
    const { organisation, role: name } = call.path
    const asked = { organisation, name, text: call.body.text }
    const { role, warnings } = await accessOf(call).setRole(asked, actorName(call.actor), etagAsked(call))
    return { ...roleJson(role), warnings: placesOf(warnings) }
  }),
  serve(roleOperations.reset, async (call) => {
    const { organisation, role } = call.path
    return roleJson(await accessOf(call).resetRole(organisation, role, actorName(call.actor)))
  }),
  serve(roleOperations.remove, async (call) => {
    const { organisation, role } = call.path
    await accessOf(call).removeRole(organisation, role, actorName(call.actor), etagAsked(call))
    return undefined
  }),

  serve(assignmentOperations.list, async (call) => {
    const { organisation } = call.path
    const { who } = call.query
    const all = accessOf(call).assignments({ organisation })
    return paged(
      call.query,
      who === undefined ? all : all.filter(({ principal }) => principal === who),
      ({ principal, role, node }) => `${principal} ${role} ${formatNode(node)}`,
      assignmentJson,
    )
  }),
  serve(assignmentOperations.add, async (call) => {
    const { organisation } = call.path
    const { who, role, on } = call.body
    const node = await nodeWithin(call, organisation, on)
    const given = { principal: who, role, node, organisation }
    return assignmentJson(await accessOf(call).assign(given, actorName(call.actor)))
  }),
  serve(assignmentOperations.remove, async (call) => {
    const { who, role, on } = call.body
    const given = { principal: who, role, node: nodeOf(on) }
    await accessOf(call).unassign({ ...given, organisation: call.path.organisation }, actorName(call.actor))
    return undefined
  }),

  serve(placementOperations.show, async (call) => {
    const { deviceId } = await existing(call, call.path.id)
    return { fleet: fleetText(await officeOf(call).placementOf(deviceId)) }
  }),
  serve(placementOperations.set, async (call) => {
    const { deviceId, fleet: before } = await existing(call, call.path.id)
    const office = officeOf(call)
    const placement = office.access.placement(call.body.fleet)
    // Whoever moves a device decides about both ends: nobody gives away what is theirs, or takes what is not.
    const there: Resource = { kind: 'fleet', ...placement }
    if (!(await office.may(call.actor, 'access:write', there))) throw withoutAction('access:write')
    const { registry, events, clock } = call.services
    const fleet = call.body.fleet
    await registry.update({ deviceId }, { fleet }, actorName(call.actor))
    events.sink({
      type: 'device.placed',
      at: clock.wall(),
      subject: `device/${deviceId}`,
      actor: actorName(call.actor),
      detail: { fleet, ...(before === undefined ? {} : { before }) },
    })
    return { fleet }
  }),

  serve(accessOperations.explain, async (call) => {
    const { organisation } = call.path
    const { who, action, on, isPresent, isReadOnly } = call.body
    const subject = {
      kind: who.startsWith('token/') ? ('token' as const) : ('person' as const),
      name: who,
      organisation,
      posture: isReadOnly === true ? ('read-only' as const) : ('full' as const),
      isPresent: isPresent ?? !who.startsWith('token/'),
    }
    const resource = await resourceOf(call, on)
    const { decision, roles, policies, rolesThatWould } = explain(accessOf(call), subject, actionOf(action), resource)
    return {
      isAllowed: decision.kind === 'allowed',
      ...(decision.kind === 'denied' ? { why: decision.why } : {}),
      roles: [...roles],
      policies: policies.map((policy) => ({ ...policy })),
      rolesThatWould: [...rolesThatWould],
    }
  }),
  serve(accessOperations.unused, async (call) => {
    const { organisation } = call.path
    const unused = await listUnused(accessOf(call), organisation, {
      now: call.services.clock.wall(),
      days: call.query.days ?? UNUSED_DAYS,
      placementOf: (deviceId) => officeOf(call).placementOf(deviceId),
    })
    return paged(
      call.query,
      unused,
      ({ principal, role, node }) => `${principal} ${role} ${node}`,
      ({ principal, role, node, createdTime, unused: actions, granted }) => ({
        who: principal,
        role,
        on: node,
        createdTime: formatTimestamp(createdTime),
        unused: [...actions],
        granted,
      }),
    )
  }),
]

function officeOf({ services }: Call): AuthorizationOffice {
  if (services.authorization !== undefined) return services.authorization
  throw new Problem({
    status: 404,
    code: 'missing',
    title: 'this hub keeps no organisations',
    detail: 'there is nothing to do',
  })
}

function accessOf(call: Call): Access {
  return officeOf(call).access
}

async function existing(call: Call, deviceId: string): Promise<{ readonly deviceId: string; readonly fleet?: string }> {
  const identity = await call.services.registry.read({ deviceId })
  if (identity !== undefined) return identity
  throw noSuchDevice()
}

function noSuchDevice(): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: 'the device does not exist',
    detail: 'check the id; ids are case-sensitive',
  })
}

function nodeOf(text: string): Node {
  const node = parseNode(text)
  if (node !== undefined) return node
  const message = 'is organisation/NAME, site/ORGANISATION/NAME, fleet/ORGANISATION/SITE/NAME or device/ID'
  throw badRequest([{ path: '/on', message }])
}

/** A role at a device is given where the device stands now, and by whom that is. */
async function nodeWithin(call: Call, organisation: string, text: string): Promise<Node> {
  const node = nodeOf(text)
  if (node.kind !== 'device') return node
  const { organisation: owner } = await officeOf(call).placementOf(node.deviceId)
  // Of a device of somebody else no more is said than of one that there is not.
  if (owner !== organisation) throw noSuchDevice()
  await existing(call, node.deviceId)
  return node
}

async function resourceOf(call: Call, text: string): Promise<Resource> {
  if (text === 'hub') return { kind: 'hub' }
  const node = nodeOf(text)
  return node.kind === 'device' ? officeOf(call).deviceAt(node.deviceId) : node
}

function actionOf(text: string): Action {
  const action = ACTIONS.find((one) => one === text)
  if (action !== undefined) return action
  throw badRequest([{ path: '/action', message: `is no action; actions are ${ACTIONS.join(', ')}` }])
}

/** RFC 9110 §13.1: `If-Match` with an ETag or `*`; `If-None-Match: *` where nothing may be there. */
function etagAsked({ context }: Call): string | undefined {
  if (context.req.header('if-none-match') === '*') return ''
  const header = context.req.header('if-match')
  if (header === undefined) return undefined
  const etag = /^"(.*)"$/.exec(header)?.[1] ?? header
  return etag === '*' ? undefined : etag
}

function paged<T, U>(
  { after, limit = PAGE_ITEMS }: { readonly after?: string; readonly limit?: number },
  items: readonly T[],
  nameOf: (item: T) => string,
  shown: (item: T) => U,
): { items: U[]; next?: string } {
  const rest = items
    .filter((item) => after === undefined || nameOf(item) > after)
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const last = rest[limit - 1]
  return {
    items: rest.slice(0, limit).map((item) => shown(item)),
    ...(last === undefined || rest.length === limit ? {} : { next: nameOf(last) }),
  }
}

function organisationJson({ name, isFirst, createdTime }: Organisation): AccessApi.Organisation {
  return { name, isFirst, createdTime: formatTimestamp(createdTime) }
}

function treeOf({ tree }: Access, name: string): AccessApi.OrganisationTree {
  const organisation = tree.organisation(name)
  if (organisation === undefined) {
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'there is no such organisation',
      detail: 'list those that there are',
    })
  }
  return {
    ...organisationJson(organisation),
    sites: tree
      .sitesOf(name)
      .map(({ site }) => ({
        name: site,
        fleets: tree
          .fleetsOf(name, site)
          .map(({ fleet }) => fleet)
          .toSorted(),
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

function roleJson(role: Role): AccessApi.Role {
  return { ...versionJson(role), etag: role.etag }
}

function versionJson({ name, text, version, updatedTime, updatedBy }: RoleVersion): AccessApi.RoleVersion {
  return { name, text, version, updatedTime: formatTimestamp(updatedTime), updatedBy }
}

function assignmentJson({ principal, role, node, createdTime, createdBy }: Assignment): AccessApi.Assignment {
  return { who: principal, role, on: formatNode(node), createdTime: formatTimestamp(createdTime), createdBy }
}

function placesOf(faults: readonly PolicyFault[]): PolicyFault[] {
  return faults.map((fault) => ({ ...fault }))
}

function fleetText({
  organisation,
  site,
  fleet,
}: { readonly [K in 'organisation' | 'site' | 'fleet']: string }): string {
  return `${organisation}/${site}/${fleet}`
}

function noSuchRole(): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: 'there is no role of this name',
    detail: 'list the roles for those that exist',
  })
}
