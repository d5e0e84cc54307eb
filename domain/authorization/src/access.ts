/** Who may do what: decisions, and every change of what they rest on. */

import type { EventType, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { Decisions, type Decision } from './decisions.ts'
import { AccessError } from './errors.ts'
import {
  ASSIGNMENTS_MAX,
  ASSIGNMENTS_PER_PRINCIPAL_MAX,
  FLEETS_MAX,
  FLEETS_PER_SITE_MAX,
  ORGANISATIONS_MAX,
  PRINCIPAL_CHARACTERS_MAX,
  ROLE_TEXT_CHARACTERS_MAX,
  ROLES_MAX,
  SITES_MAX,
} from './limits.ts'
import { formatNode, isName, type Node, type Placement, type Resource } from './node.ts'
import { EVERYBODY, type PolicyCheck, type PolicyEngine } from './policy-engine.ts'
import { isStartingRole, type Role, type RoleVersion } from './role.ts'
import { STARTING_ROLES } from './starting-roles.ts'
import type { AccessChange, AccessState, AccessStore, UseSum } from './store.ts'
import type { Assignment, Subject } from './subject.ts'
import { FIRST_PLACEMENT, formatPlacement, type Organisation, parsePlacement, type Site, Tree } from './tree.ts'
import { UseCounters } from './use-counters.ts'

export interface AccessParts {
  readonly store: AccessStore
  readonly engine: PolicyEngine
  readonly clock: Clock
  /** Fresh, unguessable texts for ETags. */
  readonly etag: () => string
  /** Names of all actions that there are. */
  readonly actions: readonly string[]
  /** Told of what is stored and cannot be read: nobody but the local operator may do anything in that organisation. */
  readonly damaged: (what: string, error: unknown) => void
}

/** What decides who may change who may do what. */
const GUARDIAN_ACTION = 'access:write'

const PRINCIPAL = /^(?:operator|token)\/[A-Za-z0-9._:@-]{1,150}$/

/**
 * Every change resolves when it is durable and holds for the next decision, takes the `actor` for its event, and rejects
 * with AccessError for what cannot be had, or with what the store throws. Changes are made one after the other.
 */
export class Access {
  readonly tree = new Tree()
  readonly decisions: Decisions
  readonly actions: readonly string[]
  readonly uses: UseCounters
  readonly #parts: AccessParts
  readonly #roles = new Map<string, Map<string, Role>>()
  readonly #assignments = new Map<string, readonly Assignment[]>()
  #turn: Promise<unknown> = Promise.resolve()
  /** A write ended so that it is not known whether it was done. */
  #isStale = false

  private constructor(parts: AccessParts) {
    this.#parts = parts
    this.actions = parts.actions
    this.uses = new UseCounters(parts.store)
    this.decisions = new Decisions({
      tree: this.tree,
      engine: parts.engine,
      assignmentsOf: (principal) => this.#assignments.get(principal) ?? [],
    })
  }

  /** Reads what there is; at the first start makes the first organisation, to which the hub belongs. */
  static async open(parts: AccessParts): Promise<Access> {
    const access = new Access(parts)
    const state = await parts.store.readAccess()
    if (state.organisations.length > 0) access.#load(state)
    else await access.#begin(FIRST_PLACEMENT.organisation, { isFirst: true }, 'hub')
    return access
  }

  decide(subject: Subject, action: string, resource: Resource): Decision {
    const decision = this.decisions.decide(subject, action, resource)
    const now = this.#parts.clock.wall()
    this.uses.count(subject.name, action, decision.kind === 'allowed', now)
    if (this.uses.isFull) void this.uses.write(now).catch(() => undefined)
    return decision
  }

  roles(organisation: string): readonly Role[] {
    return [...(this.#roles.get(organisation)?.values() ?? [])].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  role(organisation: string, name: string): Role | undefined {
    return this.#roles.get(organisation)?.get(name)
  }

  roleVersions(organisation: string, name: string): Promise<readonly RoleVersion[]> {
    return this.#parts.store.listRoleVersions(organisation, name)
  }

  /** In an organisation, or all of one principal. */
  assignments(of: { readonly organisation: string } | { readonly principal: string }): readonly Assignment[] {
    if ('principal' in of) return this.#assignments.get(of.principal) ?? []
    return [...this.#assignments.values()].flat().filter(({ organisation }) => organisation === of.organisation)
  }

  /** Since how many days ago who used what; what was counted since the last write is in it. */
  async usesOf(principals: readonly string[], sinceDay: number): Promise<readonly UseSum[]> {
    await this.uses.write(this.#parts.clock.wall())
    return this.#parts.store.listUse(principals, sinceDay)
  }

  /** Reads a text as that of a role, and changes nothing. */
  check(role: string, text: string): PolicyCheck {
    if (text.length > ROLE_TEXT_CHARACTERS_MAX) {
      const message = `the text has ${text.length} characters; ${ROLE_TEXT_CHARACTERS_MAX} is the most`
      return { faults: [{ line: 1, column: 1, message }], warnings: [], policies: [] }
    }
    return this.#parts.engine.check(role, text)
  }

  /** @throws AccessError `invalid`, `exists`, `too-many`. */
  async addOrganisation(name: string, actor: string): Promise<Organisation> {
    return this.#next(async () => {
      checkName(name, 'an organisation')
      if (this.tree.organisation(name) !== undefined)
        throw new AccessError('exists', `there is an organisation ${name}`)
      if (this.tree.size >= ORGANISATIONS_MAX) {
        throw new AccessError('too-many', `a hub has at most ${ORGANISATIONS_MAX} organisations; remove one first`)
      }
      return this.#begin(name, { isFirst: false }, actor)
    })
  }

  /** @throws AccessError `missing`, `permanent`, `in-use`. */
  async removeOrganisation(name: string, actor: string): Promise<void> {
    return this.#next(async () => {
      const found = this.tree.organisation(name)
      if (found === undefined) throw missing(`organisation ${name}`)
      if (found.isFirst) throw new AccessError('permanent', 'the hub itself belongs to this organisation; it stays')
      const event = this.#event('organisation.removed', `organisation/${name}`, actor, {})
      await this.#write({ kind: 'remove-organisation', organisation: name }, event)
      for (const placement of this.tree.fleetsOf(name)) this.tree.remove({ kind: 'fleet', ...placement })
      for (const site of this.tree.sitesOf(name)) this.tree.remove({ kind: 'site', ...site })
      this.tree.remove({ kind: 'organisation', organisation: name })
      this.#roles.delete(name)
      this.#parts.engine.prepare(name, new Map())
      this.#dropAssignments((one) => one.organisation === name)
      this.decisions.forget()
    })
  }

  /** @throws AccessError `invalid`, `missing`, `exists`, `too-many`. */
  async addSite(site: Site, actor: string): Promise<void> {
    return this.#next(async () => {
      checkName(site.site, 'a site')
      this.#expect({ kind: 'organisation', organisation: site.organisation })
      const node = { kind: 'site', ...site } as const
      if (this.tree.has(node)) throw new AccessError('exists', `there is a site ${site.site} in ${site.organisation}`)
      if (this.tree.sitesOf(site.organisation).length >= SITES_MAX) {
        throw new AccessError('too-many', `an organisation has at most ${SITES_MAX} sites; remove one first`)
      }
      await this.#write({ kind: 'add-site', site }, this.#event('site.added', formatNode(node), actor, {}))
      this.tree.addSite(site)
    })
  }

  /** @throws AccessError `missing`, `permanent`, `in-use`. */
  async removeSite(site: Site, actor: string): Promise<void> {
    return this.#next(async () => {
      const node = { kind: 'site', ...site } as const
      this.#expect(node)
      const first = this.tree.firstPlacement
      if (site.organisation === first.organisation && site.site === first.site) throw permanentPlace()
      await this.#write({ kind: 'remove-site', site }, this.#event('site.removed', formatNode(node), actor, {}))
      this.tree.remove(node)
      this.#dropAssignments((one) => formatNode(one.node) === formatNode(node))
      this.decisions.forget()
    })
  }

  /** @throws AccessError `invalid`, `missing`, `exists`, `too-many`. */
  async addFleet(placement: Placement, actor: string): Promise<void> {
    return this.#next(async () => {
      const { organisation, site, fleet } = placement
      checkName(fleet, 'a fleet')
      this.#expect({ kind: 'site', organisation, site })
      const node = { kind: 'fleet', organisation, site, fleet } as const
      if (this.tree.has(node)) throw new AccessError('exists', `there is a fleet ${fleet} in ${organisation}/${site}`)
      if (
        this.tree.fleetsOf(organisation, site).length >= FLEETS_PER_SITE_MAX ||
        this.tree.fleetsOf(organisation).length >= FLEETS_MAX
      ) {
        throw new AccessError(
          'too-many',
          `a site has at most ${FLEETS_PER_SITE_MAX} fleets, an organisation ${FLEETS_MAX}; remove one first`,
        )
      }
      await this.#write({ kind: 'add-fleet', placement: node }, this.#event('fleet.added', formatNode(node), actor, {}))
      this.tree.addFleet({ organisation, site, fleet })
    })
  }

  /** @throws AccessError `missing`, `permanent`, `in-use`. */
  async removeFleet(placement: Placement, actor: string): Promise<void> {
    return this.#next(async () => {
      const node = { kind: 'fleet', ...placement } as const
      this.#expect(node)
      if (formatPlacement(placement) === formatPlacement(this.tree.firstPlacement)) throw permanentPlace()
      await this.#write({ kind: 'remove-fleet', placement }, this.#event('fleet.removed', formatNode(node), actor, {}))
      this.tree.remove(node)
      this.#dropAssignments((one) => formatNode(one.node) === formatNode(node))
      this.decisions.forget()
    })
  }

  /**
   * Gives a role its text; a role that was not there is made.
   * @param etag what the role must have; '' where there must be none, undefined for whatever there is.
   * @throws AccessError `invalid`, `missing`, `bad-policy` with all faults, `etag-mismatch`, `too-many`, `locks-out`.
   */
  async setRole(
    { organisation, name, text }: Pick<Role, 'organisation' | 'name' | 'text'>,
    actor: string,
    etag?: string,
  ): Promise<{ readonly role: Role; readonly warnings: PolicyCheck['warnings'] }> {
    return this.#next(async () => {
      checkName(name, 'a role')
      this.#expect({ kind: 'organisation', organisation })
      const current = this.role(organisation, name)
      if (etag !== undefined && etag !== (current?.etag ?? '')) throw changedMeanwhile()
      const { faults, warnings } = this.check(name, text)
      if (faults.length > 0) throw badPolicy(name, faults)
      if (current === undefined && (this.#roles.get(organisation)?.size ?? 0) >= ROLES_MAX) {
        throw new AccessError('too-many', `an organisation has at most ${ROLES_MAX} roles; remove one first`)
      }
      const role = this.#version(organisation, name, text, actor, current)
      await this.#replaceRole(organisation, name, role, async () => {
        const event = this.#event('role.changed', `role/${organisation}/${name}`, actor, { version: role.version })
        await this.#write({ kind: 'write-role', role, found: current?.etag }, event)
      })
      return { role, warnings }
    })
  }

  /** Back to what every organisation begins with. @throws AccessError `missing` for roles of its own, `locks-out`. */
  async resetRole(organisation: string, name: string, actor: string): Promise<Role> {
    const text = isStartingRole(name) ? STARTING_ROLES[name] : undefined
    if (text === undefined) throw new AccessError('missing', `no organisation begins with a role ${name}`)
    return (await this.setRole({ organisation, name, text }, actor)).role
  }

  /** Takes the role from everybody who has it. @throws AccessError `missing`, `permanent`, `etag-mismatch`, `locks-out`. */
  async removeRole(organisation: string, name: string, actor: string, etag?: string): Promise<void> {
    return this.#next(async () => {
      const current = this.role(organisation, name)
      if (current === undefined) throw missing(`role ${name}`)
      if (isStartingRole(name))
        throw new AccessError('permanent', `every organisation has the role ${name}; change it, or reset it`)
      if (etag !== undefined && etag !== current.etag) throw changedMeanwhile()
      await this.#replaceRole(organisation, name, undefined, async () => {
        const event = this.#event('role.removed', `role/${organisation}/${name}`, actor, { version: current.version })
        await this.#write({ kind: 'remove-role', organisation, name, found: current.etag }, event)
      })
      this.#dropAssignments((one) => one.organisation === organisation && one.role === name)
    })
  }

  /**
   * Gives somebody a role at a node. The node of a device is of the organisation in which the device stands.
   * @throws AccessError `invalid`, `missing`, `too-many`.
   */
  async assign(
    given: Pick<Assignment, 'principal' | 'role' | 'node'> & { readonly organisation: string },
    actor: string,
  ): Promise<Assignment> {
    return this.#next(async () => {
      const { principal, role, node, organisation } = given
      if (!PRINCIPAL.test(principal) || principal.length > PRINCIPAL_CHARACTERS_MAX) {
        throw new AccessError('invalid', 'a role is given to operator/ID or token/ID')
      }
      this.#expect({ kind: 'organisation', organisation })
      if (node.kind !== 'device') {
        this.#expect(node)
        if (node.organisation !== organisation) throw new AccessError('invalid', 'the node is of another organisation')
      }
      if (role === EVERYBODY || this.role(organisation, role) === undefined) throw missing(`role ${role}`)
      const known = this.#assignments.get(principal) ?? []
      const same = known.find((one) => one.organisation === organisation && isSame(one, given))
      if (same !== undefined) return same
      if (
        known.filter((one) => one.organisation === organisation).length >= ASSIGNMENTS_PER_PRINCIPAL_MAX ||
        this.assignments({ organisation }).length >= ASSIGNMENTS_MAX
      ) {
        throw new AccessError(
          'too-many',
          `somebody has at most ${ASSIGNMENTS_PER_PRINCIPAL_MAX} roles, and an organisation gives ${ASSIGNMENTS_MAX}`,
        )
      }
      const assignment = {
        principal,
        role,
        node,
        organisation,
        createdTime: this.#parts.clock.wall(),
        createdBy: actor,
      }
      const event = this.#event('access.granted', principal, actor, { role, node: formatNode(node), organisation })
      await this.#write({ kind: 'assign', assignment }, event)
      this.#assignments.set(principal, [...known.filter((one) => !isSame(one, given)), assignment])
      this.decisions.forget()
      return assignment
    })
  }

  /** @throws AccessError `missing`, `locks-out`. */
  async unassign(
    given: Pick<Assignment, 'principal' | 'role' | 'node' | 'organisation'>,
    actor: string,
  ): Promise<void> {
    return this.#next(async () => {
      const known = this.#assignments.get(given.principal) ?? []
      const found = known.find((one) => one.organisation === given.organisation && isSame(one, given))
      if (found === undefined) throw missing('assignment')
      const { principal, role, node, organisation } = found
      await this.#unlessLockedOut(
        organisation,
        () =>
          this.#assignments.set(
            principal,
            known.filter((one) => one !== found),
          ),
        () => this.#assignments.set(principal, known),
        async () => {
          const event = this.#event('access.revoked', principal, actor, { role, node: formatNode(node), organisation })
          await this.#write({ kind: 'unassign', assignment: { principal, role, node } }, event)
        },
      )
    })
  }

  /** For whoever has gone: a person who was removed, a token that ended. */
  async unassignAll(principal: string, actor: string): Promise<void> {
    return this.#next(async () => {
      const known = this.#assignments.get(principal) ?? []
      if (known.length === 0) return
      const events = known.map(({ role, node, organisation }) =>
        this.#event('access.revoked', principal, actor, { role, node: formatNode(node), organisation }),
      )
      await this.#write({ kind: 'unassign-all', principal }, events)
      this.#assignments.delete(principal)
      this.decisions.forget()
    })
  }

  /** The people of an organisation who may change who may do what in it. */
  guardians(organisation: string): readonly string[] {
    const resource: Resource = { kind: 'organisation', organisation }
    const people = new Set(
      this.assignments({ organisation }).flatMap(({ principal }) =>
        principal.startsWith('operator/') ? [principal] : [],
      ),
    )
    return [...people].filter((name) => {
      const subject: Subject = { kind: 'person', name, organisation, posture: 'full', isPresent: true }
      return this.decisions.decide(subject, GUARDIAN_ACTION, resource).kind === 'allowed'
    })
  }

  /** Fleets by the text in which a device keeps them. @throws AccessError `missing`. */
  placement(text: string): Placement {
    const placement = parsePlacement(text)
    if (placement === undefined || !this.tree.has({ kind: 'fleet', ...placement })) throw missing(`fleet ${text}`)
    return placement
  }

  async #begin(name: string, { isFirst }: { readonly isFirst: boolean }, actor: string): Promise<Organisation> {
    const organisation: Organisation = { name, isFirst, createdTime: this.#parts.clock.wall() }
    const roles = Object.entries(STARTING_ROLES).map(([role, text]) => this.#version(name, role, text, 'hub'))
    const placement = { ...FIRST_PLACEMENT, organisation: name }
    const event = this.#event('organisation.added', `organisation/${name}`, actor, { first: isFirst })
    await this.#write({ kind: 'add-organisation', organisation, placement, roles }, event)
    this.#load({ organisations: [organisation], sites: [placement], fleets: [placement], roles, assignments: [] })
    return organisation
  }

  #load(state: AccessState): void {
    for (const organisation of state.organisations) this.tree.addOrganisation(organisation)
    for (const { organisation, site } of state.sites) this.tree.addSite({ organisation, site })
    for (const { organisation, site, fleet } of state.fleets) this.tree.addFleet({ organisation, site, fleet })
    for (const role of state.roles) this.#rolesOf(role.organisation).set(role.name, role)
    for (const one of state.assignments) {
      this.#assignments.set(one.principal, [...(this.#assignments.get(one.principal) ?? []), one])
    }
    for (const { name } of state.organisations) {
      try {
        this.#prepare(name)
      } catch (error) {
        this.#parts.damaged(`the roles of the organisation ${name}`, error)
      }
    }
    this.decisions.forget()
  }

  async #reload(): Promise<void> {
    const state = await this.#parts.store.readAccess()
    for (const { name } of this.tree.organisations()) {
      if (!state.organisations.some((one) => one.name === name)) this.#parts.engine.prepare(name, new Map())
    }
    this.tree.clear()
    this.#roles.clear()
    this.#assignments.clear()
    this.#load(state)
    this.#isStale = false
  }

  #rolesOf(organisation: string): Map<string, Role> {
    const known = this.#roles.get(organisation)
    if (known !== undefined) return known
    const made = new Map<string, Role>()
    this.#roles.set(organisation, made)
    return made
  }

  #prepare(organisation: string): void {
    const texts = [...this.#rolesOf(organisation)].map(([name, { text }]) => [name, text] as const)
    this.#parts.engine.prepare(organisation, new Map(texts))
    this.decisions.forget()
  }

  async #replaceRole(
    organisation: string,
    name: string,
    role: Role | undefined,
    write: () => Promise<void>,
  ): Promise<void> {
    const roles = this.#rolesOf(organisation)
    const before = roles.get(name)
    const put = (one: Role | undefined): void => {
      if (one === undefined) roles.delete(name)
      else roles.set(name, one)
      this.#prepare(organisation)
    }
    await this.#unlessLockedOut(
      organisation,
      () => put(role),
      () => put(before),
      write,
    )
  }

  /**
   * Tries a change in memory, and writes it unless nobody is left who could change anything any more. Nothing is decided
   * in between: trying and going back are one step, and what is written holds from when it is on disk.
   */
  async #unlessLockedOut(
    organisation: string,
    change: () => void,
    back: () => void,
    write: () => Promise<void>,
  ): Promise<void> {
    const before = this.guardians(organisation)
    change()
    this.decisions.forget()
    const after = before.length === 0 ? before : this.guardians(organisation)
    back()
    this.decisions.forget()
    if (before.length > 0 && after.length === 0) {
      throw new AccessError(
        'locks-out',
        `afterwards nobody in ${organisation} could change roles any more; give ${GUARDIAN_ACTION} to somebody else first`,
      )
    }
    await write()
    change()
    this.decisions.forget()
  }

  #version(organisation: string, name: string, text: string, actor: string, before?: Role): Role {
    const version = (before?.version ?? 0) + 1
    const { clock, etag } = this.#parts
    return { organisation, name, text, version, etag: etag(), updatedTime: clock.wall(), updatedBy: actor }
  }

  #dropAssignments(isDropped: (one: Assignment) => boolean): void {
    for (const [principal, known] of this.#assignments) {
      const kept = known.filter((one) => !isDropped(one))
      if (kept.length === 0) this.#assignments.delete(principal)
      else if (kept.length < known.length) this.#assignments.set(principal, kept)
    }
    this.decisions.forget()
  }

  #expect(node: Exclude<Node, { readonly kind: 'device' }>): void {
    if (!this.tree.has(node)) throw missing(formatNode(node).replace('/', ' '))
  }

  async #write(change: AccessChange, because: SecurityEvent | readonly SecurityEvent[]): Promise<void> {
    // What is thrown leaves open whether it was done, and a conflict says that memory is behind.
    this.#isStale = true
    const outcome = await this.#parts.store.changeAccess(change, because)
    this.#isStale = outcome === 'conflict' || outcome === 'missing' || outcome === 'exists'
    if (outcome === 'in-use') throw new AccessError('in-use', 'something stands in it; take that away first')
    if (outcome === 'conflict') throw changedMeanwhile()
    if (outcome === 'missing') throw missing('such thing')
    if (outcome === 'exists') throw new AccessError('exists', 'there is one of this name')
  }

  async #next<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      if (this.#isStale) await this.#reload()
      return work()
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #event(type: EventType, subject: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject, actor, detail }
  }
}

function isSame(a: Pick<Assignment, 'role' | 'node'>, b: Pick<Assignment, 'role' | 'node'>): boolean {
  return a.role === b.role && formatNode(a.node) === formatNode(b.node)
}

function checkName(name: string, what: string): void {
  if (isName(name)) return
  throw new AccessError('invalid', `${what} is called by 1 to 63 of a-z, 0-9 and hyphens, with none at either end`)
}

function missing(what: string): AccessError {
  return new AccessError('missing', `there is no ${what}`)
}

function changedMeanwhile(): AccessError {
  return new AccessError('etag-mismatch', 'it was changed since you read it; read it again')
}

function permanentPlace(): AccessError {
  return new AccessError('permanent', 'devices stand here that were given no other place; it stays')
}

function badPolicy(name: string, faults: AccessError['faults']): AccessError {
  const [first] = faults
  const where = first === undefined ? '' : ` at line ${first.line}, column ${first.column}: ${first.message}`
  return new AccessError('bad-policy', `the text of the role ${name} is wrong${where}`, faults)
}
