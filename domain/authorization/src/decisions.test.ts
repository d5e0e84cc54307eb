import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { Decisions } from './decisions.ts'
import type { Grant } from './grant.ts'
import type { Node, Placement, Resource } from './node.ts'
import type { PolicyAnswer, PolicyEngine, PolicyQuestion } from './policy-engine.ts'
import type { Assignment, Subject } from './subject.ts'
import { covers, Tree } from './tree.ts'

const AT = timestampOf(0)
const ACTIONS = ['device:read', 'device:command', 'hub:manage', 'access:write']

/** xorshift32: a seed makes a run that can be had again. */
function chance(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** Answers at random, but the same to the same question: policies that say anything at all. */
class AnyEngine implements PolicyEngine {
  readonly asked: PolicyQuestion[] = []
  readonly #answers = new Map<string, PolicyAnswer>()
  readonly #next: (below: number) => number

  constructor(next: (below: number) => number) {
    this.#next = next
  }

  check(): never {
    throw new TypeError('nothing is written here')
  }
  prepare(): void {
    // There is nothing to keep.
  }
  isBlind(): boolean {
    return false
  }
  decide(organisation: string, question: PolicyQuestion): PolicyAnswer {
    this.asked.push(question)
    const key = JSON.stringify([organisation, question])
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const answer = { isAllowed: this.#next(4) > 0, reasons: [], errors: this.#next(20) === 0 ? ['fault'] : [] }
    this.#answers.set(key, answer)
    return answer
  }
}

interface World {
  readonly tree: Tree
  readonly placements: readonly Placement[]
  readonly assignments: Map<string, Assignment[]>
  readonly node: () => Node
  readonly resource: () => Resource
  readonly subject: () => Subject
}

function world(next: (below: number) => number): World {
  const tree = new Tree()
  const pick = <T>(of: readonly T[]): T => {
    const one = of[next(of.length)]
    if (one === undefined) throw new TypeError('there is nothing to pick from')
    return one
  }
  const placements: Placement[] = []
  const names = Array.from({ length: 1 + next(4) }, (_, at) => `o${at}`)
  for (const [at, name] of names.entries()) {
    tree.addOrganisation({ name, isFirst: at === 0, createdTime: AT })
    for (let site = 0; site <= next(3); site += 1) {
      tree.addSite({ organisation: name, site: `s${site}` })
      for (let fleet = 0; fleet <= next(3); fleet += 1) {
        const placement = { organisation: name, site: `s${site}`, fleet: `f${fleet}` }
        tree.addFleet(placement)
        placements.push(placement)
      }
    }
  }
  const node = (): Node => {
    const { organisation, site, fleet } = pick(placements)
    return pick<Node>([
      { kind: 'organisation', organisation },
      { kind: 'site', organisation, site },
      { kind: 'fleet', organisation, site, fleet },
      { kind: 'device', deviceId: `d${next(6)}` },
    ])
  }
  const resource = (): Resource => {
    const placement = pick(placements)
    const { organisation, site, fleet } = placement
    return pick<Resource>([
      { kind: 'hub' },
      { kind: 'organisation', organisation },
      { kind: 'site', organisation, site },
      { kind: 'fleet', organisation, site, fleet },
      { kind: 'device', deviceId: `d${next(6)}`, ...placement },
    ])
  }
  const grant = (): Grant =>
    next(2) === 0
      ? { kind: 'role', role: `r${next(3)}`, node: node() }
      : { kind: 'actions', actions: [pick(ACTIONS)], node: node() }
  const subject = (): Subject => {
    const isToken = next(2) === 0
    return {
      kind: isToken ? 'token' : 'person',
      name: `${isToken ? 'token' : 'operator'}/${next(3)}`,
      organisation: pick(names),
      ...(isToken ? { scope: Array.from({ length: next(3) }, grant) } : {}),
      posture: next(3) === 0 ? 'read-only' : 'full',
      isPresent: next(2) === 0,
    }
  }
  const assignments = new Map<string, Assignment[]>()
  for (let count = next(12); count > 0; count -= 1) {
    const principal = `${next(2) === 0 ? 'token' : 'operator'}/${next(3)}`
    const given: Assignment = {
      principal,
      role: `r${next(3)}`,
      node: node(),
      organisation: pick(names),
      createdTime: AT,
      createdBy: 'x',
    }
    assignments.set(principal, [...(assignments.get(principal) ?? []), given])
  }
  return { tree, placements, assignments, node, resource, subject }
}

test('whatever the policies say, nobody reaches what is of another organisation, and read-only stays so', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = chance(seed * 7_919)
    const engine = new AnyEngine(next)
    const { tree, assignments, resource, subject } = world(next)
    const decisions = new Decisions({ tree, engine, assignmentsOf: (name) => assignments.get(name) ?? [] })
    for (let asked = 0; asked < 60; asked += 1) {
      const who = subject()
      const what = resource()
      const action = ACTIONS[next(ACTIONS.length)] ?? ''
      engine.asked.length = 0
      const decision = decisions.decide(who, action, what)
      const isOwn = tree.ownerOf(what) === who.organisation
      if (!isOwn) {
        assert.deepEqual(
          [decision.kind === 'denied' && decision.why, engine.asked.length],
          ['other-organisation', 0],
          `seed ${seed}`,
        )
      }
      if (who.posture === 'read-only' && !action.endsWith(':read'))
        assert.equal(decision.kind, 'denied', `seed ${seed}`)
      // Policies are asked about roles that were given there, in this organisation, and about no others.
      const given = [
        ...(assignments.get(who.name) ?? []).filter((one) => one.organisation === who.organisation),
        ...(who.scope ?? []).flatMap((grant) => (grant.kind === 'role' ? [grant] : [])),
      ]
      const expected = new Set(given.flatMap(({ role, node }) => (covers(node, what, tree.first) ? [role] : [])))
      for (const question of engine.asked) assert.deepEqual(new Set(question.roles), expected, `seed ${seed}`)
    }
  }
})

test('a decision that is remembered is the one that would be made, and none outlives a change', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const next = chance(seed * 104_729)
    const engine = new AnyEngine(next)
    const { tree, assignments, resource, subject, node } = world(next)
    const parts = { tree, engine, assignmentsOf: (name: string) => assignments.get(name) ?? [] }
    const decisions = new Decisions(parts)
    for (let asked = 0; asked < 80; asked += 1) {
      if (next(10) === 0) {
        const principal = `operator/${next(3)}`
        const organisation = tree.organisations()[0]?.name ?? ''
        const given: Assignment = { principal, role: 'r0', node: node(), organisation, createdTime: AT, createdBy: 'x' }
        assignments.set(principal, [given])
        decisions.forget()
      }
      const [who, what, action] = [subject(), resource(), ACTIONS[next(ACTIONS.length)] ?? '']
      assert.deepEqual(
        decisions.decide(who, action, what),
        new Decisions(parts).decide(who, action, what),
        `seed ${seed}`,
      )
    }
  }
})

/** Permits everything, and counts how often it is asked and how much it is told. */
class CountingEngine extends AnyEngine {
  readonly #isBlind: boolean

  constructor(isBlind: boolean) {
    super(() => 1)
    this.#isBlind = isBlind
  }

  override isBlind(): boolean {
    return this.#isBlind
  }
}

/** One organisation with so many fleets, a device in each, and a person with so many roles at the top. */
function asked(fleets: number, roles: number, isBlind: boolean): readonly PolicyQuestion[] {
  const tree = new Tree()
  tree.addOrganisation({ name: 'home', isFirst: true, createdTime: AT })
  const places = Array.from({ length: fleets }, (_, at) => ({ organisation: 'home', site: 's', fleet: `f${at}` }))
  for (const place of places) tree.addFleet(place)
  const node = { kind: 'organisation', organisation: 'home' } as const
  const given = Array.from({ length: roles }, (_, at) => {
    return { principal: 'operator/a', role: `r${at}`, node, organisation: 'home', createdTime: AT, createdBy: 'x' }
  })
  const engine = new CountingEngine(isBlind)
  const decisions = new Decisions({ tree, engine, assignmentsOf: () => given })
  const who: Subject = { kind: 'person', name: 'operator/a', organisation: 'home', posture: 'full', isPresent: true }
  for (let round = 0; round < 3; round += 1) {
    for (const [at, place] of places.entries()) {
      decisions.decide(who, 'device:read', { kind: 'device', deviceId: `d${at}`, ...place })
    }
  }
  return engine.asked
}

test('policies are asked once for what is alike to them, however many devices there are, and never twice', () => {
  for (const fleets of [10, 100, 1_000]) {
    assert.equal(asked(fleets, 3, true).length, 1, 'policies that speak of roles alone')
    assert.equal(asked(fleets, 3, false).length, fleets, 'policies that speak of places')
  }
})

test('a question grows with the roles of whoever asks, and not with the tree', () => {
  const size = (fleets: number, roles: number): number => JSON.stringify(asked(fleets, roles, false)[0]).length
  assert.equal(size(10, 4), size(1_000, 4))
  assert.ok(size(10, 64) < size(10, 4) + 64 * 8)
})
