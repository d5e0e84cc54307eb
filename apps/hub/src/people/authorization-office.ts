/** Who may do which operation: the one place where that is decided, for all who ask at `/api/v1`. */

import type { Action, Operation } from '@holdfast/api'
import type { EventSink } from '@holdfast/audit'
import {
  type Access,
  type Decision,
  type Denial,
  FIRST_PLACEMENT,
  formatPlacement,
  type Placement,
  type Resource,
  type Subject,
} from '@holdfast/authorization'
import type { Clock } from '@holdfast/base'
import type { Registry, Right } from '@holdfast/identity'
import { type Actor, actorName, mayAll, type PersonCaller, type TokenCaller } from './actor.ts'
import { RIGHTS_OF_ACTION } from './rights.ts'
import { Problem } from '../core/problem.ts'
import { givenBy, GIVING, type Invitation } from './invitation.ts'
import { EVERYWHERE, NOT_NARROWED, type Reach } from './reach.ts'

/** How long after a proof of presence somebody counts as present, in milliseconds. */
export const PRESENCE_MS = 300_000

export interface AuthorizationParts {
  readonly access: Access
  readonly registry: Pick<Registry, 'read'>
  readonly clock: Clock
  /** Of policies that could not be evaluated; bounded by the sink. */
  readonly events: EventSink
}

export type Verdict =
  | { readonly kind: 'allowed'; readonly reach: Reach }
  /** As if there were no such thing. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'denied'; readonly why: Denial; readonly lacking?: readonly Right[] }

/** What an operation is asked for: its `action` and `on`, and the parameters of its path. */
export interface Asking {
  readonly operation: Pick<Operation, 'action' | 'on'>
  readonly parameter: (name: string) => string | undefined
}

/** What no token does, whatever its scope: to make others, to stand in for people, and to let people in. */
const NOT_FOR_TOKENS: ReadonlySet<Action> = new Set([
  'token:write',
  'proposal:approve',
  'session:own',
  'operator:write',
  'workstation:write',
])

export function isForTokens(action: Action): boolean {
  return !NOT_FOR_TOKENS.has(action)
}

export class AuthorizationOffice {
  readonly access: Access
  readonly #parts: AuthorizationParts

  constructor(parts: AuthorizationParts) {
    this.#parts = parts
    this.access = parts.access
  }

  /** Decides, and counts what people and tokens were allowed and refused. */
  async decide(actor: Actor, { operation, parameter }: Asking): Promise<Verdict> {
    const { action, on } = operation
    if (actor.kind === 'policy') {
      const lacking = RIGHTS_OF_ACTION[action].filter((right) => !mayAll(actor, [right]))
      if (lacking.length > 0) return { kind: 'denied', why: 'not-granted', lacking }
    }
    switch (on) {
      case 'self':
        return { kind: 'allowed', reach: NOT_NARROWED }
      case 'devices':
        return this.#onDevices(actor, action)
      case 'hub':
        return this.#on(actor, action, { kind: 'hub' })
      case 'organisation':
        return this.#on(actor, action, { kind: 'organisation', organisation: parameter('organisation') ?? '' })
      case 'own-organisation':
        return this.#on(actor, action, { kind: 'organisation', organisation: this.organisationOf(actor) })
      case 'device':
        return this.#on(actor, action, await this.deviceAt(parameter('id') ?? ''))
    }
  }

  /** Whether somebody may do something besides what their operation is. Counts like `decide`. */
  async may(actor: Actor, action: Action, resource: Resource): Promise<boolean> {
    if (actor.kind === 'policy' && !mayAll(actor, RIGHTS_OF_ACTION[action])) return false
    return (await this.#on(actor, action, resource)).kind === 'allowed'
  }

  /**
   * Whether somebody has the right, were they present and came from a good workstation; of tokens, false. Counts nothing.
   */
  couldDo(actor: Actor, action: Action, resource: Resource): boolean {
    switch (actor.kind) {
      case 'local':
        return true
      case 'token':
        return false
      case 'policy':
        return mayAll(actor, RIGHTS_OF_ACTION[action]) && this.access.tree.ownerOf(resource) === this.access.tree.first
      case 'person':
        return this.#couldPerson(actorName(actor), actor.organisation, action, resource)
    }
  }

  /**
   * Whether an invitation that was made before could be made now: its organisation and roles are there, and whoever made
   * it could give them. @param maker undefined: no person, but the machine of the hub.
   */
  couldInvite(
    maker: { readonly name: string; readonly organisation: string } | undefined,
    { organisation, roles }: Invitation,
  ): boolean {
    const { access } = this
    if (access.tree.organisation(organisation) === undefined) return false
    if (roles.some((role) => access.role(organisation, role) === undefined)) return false
    if (maker === undefined) return true
    const resource = givenBy(maker.organisation, { organisation, roles })
    return resource === undefined || this.#couldPerson(`operator/${maker.name}`, maker.organisation, GIVING, resource)
  }

  /** A device where it stands. One that does not exist stands where devices do that were given no place. */
  async deviceAt(deviceId: string): Promise<Resource> {
    return { kind: 'device', deviceId, ...(await this.placementOf(deviceId)) }
  }

  async placementOf(deviceId: string): Promise<Placement> {
    const identity = await this.#parts.registry.read({ deviceId })
    return this.access.tree.placementOf(identity?.fleet)
  }

  /** The devices that somebody may do this to. */
  reachOf(actor: Actor, action: Action): Reach {
    const { tree } = this.access
    if (actor.kind === 'local') return EVERYWHERE
    if (actor.kind === 'policy') {
      if (tree.size === 1) return EVERYWHERE
      const isOfFirst = async (deviceId: string): Promise<boolean> =>
        (await this.placementOf(deviceId)).organisation === tree.first
      return this.#reach(tree.fleetsOf(tree.first), [], { isWithin: isOfFirst, hasHub: true })
    }
    const subject = this.subjectOf(actor)
    const may = (resource: Resource): boolean =>
      !this.#isBeyondMaker(actor, action, resource) &&
      this.access.decisions.decide(subject, action, resource).kind === 'allowed'
    const fleets = tree.fleetsOf(subject.organisation).filter((fleet) => may({ kind: 'fleet', ...fleet }))
    const isWithin = async (deviceId: string): Promise<boolean> => may(await this.deviceAt(deviceId))
    return this.#reach(fleets, devicesGiven(this.access, subject), { isWithin, hasHub: may({ kind: 'hub' }) })
  }

  subjectOf(actor: PersonCaller | TokenCaller): Subject {
    const { organisation } = actor
    const name = actorName(actor)
    if (actor.kind === 'token') {
      return { kind: 'token', name, organisation, scope: actor.scope, posture: 'full', isPresent: false }
    }
    const isPresent = this.#parts.clock.wall() - actor.presenceAt <= PRESENCE_MS
    const posture = actor.posture === 'full' ? 'full' : 'read-only'
    return { kind: 'person', name, organisation, posture, isPresent }
  }

  /** Writes what was counted since the last time. May reject with what the store throws; it is counted still. */
  async upkeep(): Promise<void> {
    await this.access.uses.write(this.#parts.clock.wall())
  }

  async end(): Promise<void> {
    // What the disk does not take any more is lost: it is counts.
    await this.upkeep().catch(() => undefined)
  }

  /** Machines by a shared access policy, and the machine of the hub, are of whom the hub belongs to. */
  organisationOf(actor: Actor): string {
    return actor.kind === 'person' || actor.kind === 'token' ? actor.organisation : this.access.tree.first
  }

  async #onDevices(actor: Actor, action: Action): Promise<Verdict> {
    const reach = this.reachOf(actor, action)
    if (actor.kind === 'local' || actor.kind === 'policy') return { kind: 'allowed', reach }
    const { fleets = [], deviceIds = [] } = reach.within ?? {}
    const isNowhere = fleets.length === 0 && deviceIds.length === 0
    this.access.uses.count(actorName(actor), action, !isNowhere, this.#parts.clock.wall())
    if (!isNowhere) return { kind: 'allowed', reach }
    // Why not, as for the organisation's first fleet: a rule there may say that it forbids.
    const resource: Resource = { kind: 'fleet', ...FIRST_PLACEMENT, organisation: actor.organisation }
    const decision = this.access.decisions.decide(this.subjectOf(actor), action, resource)
    return this.#told(actor, action, decision)
  }

  async #on(actor: Actor, action: Action, resource: Resource): Promise<Verdict> {
    const { tree } = this.access
    if (actor.kind === 'local') return allowed
    const isElsewhere = resource.kind === 'organisation' && tree.organisation(resource.organisation) === undefined
    if (isElsewhere) return { kind: 'absent' }
    if (actor.kind === 'policy') return tree.ownerOf(resource) === tree.first ? allowed : { kind: 'absent' }
    const isBeyond = this.#isBeyondMaker(actor, action, resource)
    if (isBeyond) this.access.uses.count(actorName(actor), action, false, this.#parts.clock.wall())
    const decision: Decision = isBeyond
      ? { kind: 'denied', why: this.#whyBeyond(actor, resource), reasons: [], errors: [] }
      : this.access.decide(this.subjectOf(actor), action, resource)
    if (decision.kind === 'allowed') return allowed
    // That there is a hub is no secret; that there is another organisation, or a device of it, is.
    if (decision.why === 'other-organisation' && resource.kind !== 'hub') return { kind: 'absent' }
    return this.#told(actor, action, decision)
  }

  /** Whether a token asks for what no token does, or for what whoever made it may not do (any more). */
  #isBeyondMaker(actor: PersonCaller | TokenCaller, action: Action, resource: Resource): boolean {
    if (actor.kind !== 'token') return false
    if (!isForTokens(action)) return true
    const { maker, organisation } = actor
    switch (maker.kind) {
      case 'hub':
        return false
      case 'policy':
        return !RIGHTS_OF_ACTION[action].every((right) => maker.rights.includes(right))
      case 'person':
        return !this.#couldPerson(maker.name, organisation, action, resource)
    }
  }

  /** What is another organisation's stays unseen, also where the maker is the reason. */
  #whyBeyond({ organisation }: PersonCaller | TokenCaller, resource: Resource): Denial {
    return this.access.tree.ownerOf(resource) === organisation ? 'not-granted' : 'other-organisation'
  }

  #couldPerson(name: string, organisation: string, action: Action, resource: Resource): boolean {
    const subject: Subject = { kind: 'person', name, organisation, posture: 'full', isPresent: true }
    return this.access.decisions.decide(subject, action, resource).kind === 'allowed'
  }

  #told(actor: Actor, action: Action, decision: Decision): Verdict {
    if (decision.kind === 'allowed') return { kind: 'denied', why: 'not-granted' }
    if (decision.why === 'fault') {
      const { clock, events } = this.#parts
      const errors = decision.errors.join('; ').slice(0, 512)
      const subject = actorName(actor)
      events({ type: 'access.fault', at: clock.wall(), subject, actor: subject, detail: { action, errors } })
    }
    return { kind: 'denied', why: decision.why }
  }

  #reach(
    fleets: readonly Placement[],
    deviceIds: readonly string[],
    { isWithin, hasHub }: { readonly isWithin: (deviceId: string) => Promise<boolean>; readonly hasHub: boolean },
  ): Reach {
    const first = formatPlacement(this.access.tree.firstPlacement)
    const paths = fleets.map(formatPlacement)
    return {
      within: { fleets: paths.flatMap((path) => (path === first ? ['', path] : [path])), deviceIds },
      hasHub,
      includes: async (deviceId, generationId) => {
        if (generationId !== undefined) {
          const identity = await this.#parts.registry.read({ deviceId })
          // Where an earlier device of the id stood is not known any more.
          if (identity?.generationId !== generationId) return hasHub && this.access.tree.size === 1
        }
        return isWithin(deviceId)
      },
      home: (wished) => {
        if (wished !== undefined && !paths.includes(wished)) throw notThere(wished)
        const place =
          wished ?? paths.find((path) => path.endsWith(DEFAULT_PLACE)) ?? (paths.length === 1 ? paths[0] : undefined)
        if (place === undefined) throw noPlaceSaid(paths)
        return place === first ? undefined : place
      },
    }
  }
}

/** Site and fleet with which every organisation begins. */
const DEFAULT_PLACE = `/${FIRST_PLACEMENT.site}/${FIRST_PLACEMENT.fleet}`

/** Ids listed in a problem. */
const LISTED_MAX = 8

const allowed: Verdict = { kind: 'allowed', reach: NOT_NARROWED }

/** Devices at which somebody was given something of their own. */
function devicesGiven(access: Access, subject: Subject): readonly string[] {
  const nodes = [
    ...access.assignments({ principal: subject.name }).map(({ node }) => node),
    ...(subject.scope ?? []).map(({ node }) => node),
  ]
  return [...new Set(nodes.flatMap((node) => (node.kind === 'device' ? [node.deviceId] : [])))]
}

function notThere(fleet: string): Problem {
  return new Problem({
    status: 403,
    code: 'not-allowed',
    title: 'you may bring no device into this fleet',
    detail: `there is no fleet ${fleet.slice(0, 200)}, or it is none in which you may write devices`,
  })
}

function noPlaceSaid(fleets: readonly string[]): Problem {
  return new Problem({
    status: 400,
    code: 'fleet-needed',
    title: 'the new device could stand in one of several fleets',
    detail: `say fleet: one of ${fleets.slice(0, LISTED_MAX).join(', ')}`,
  })
}
