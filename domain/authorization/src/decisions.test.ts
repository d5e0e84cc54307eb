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
