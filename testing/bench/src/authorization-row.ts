/**
 * Decisions a second on one thread: such as was made before (a person's requests to their devices), such as was not, and
 * how those cost by the number of policies. Beside them, a bare Map in which all answers stand, which nothing can beat.
 */

import { ACTIONS } from '@holdfast/api'
import { type Assignment, Decisions, type Resource, STARTING_ROLES, type Subject, Tree } from '@holdfast/authorization'
import { timestampOf } from '@holdfast/base'
import { CedarEngine } from '@holdfast/cedar'
import type { Row } from './table.ts'

const DEVICES = 1_000
const ANSWERS = 200_000
const FRESH = 3_000
const POLICIES = [0, 32, 128, 512]

const PLACE = { organisation: 'home', site: 'main', fleet: 'default' }
const ANNA: Subject = { kind: 'person', name: 'operator/anna', organisation: 'home', posture: 'full', isPresent: true }

export function authorizationRows({
  rounds,
  progress,
}: {
  readonly rounds: number
  readonly progress: (text: string) => void
}): readonly Row[] {
  const warm: number[] = []
  const bare: number[] = []
  const fresh = new Map<string, number[]>(POLICIES.map((more) => [label(more), []]))
  for (let round = 0; round <= rounds; round += 1) {
    progress(`authorization: round ${round} of ${rounds}`)
    const isCounted = round > 0
    const remembered = perSecond(ANSWERS, asking(decisionsWith(0)))
    const looked = perSecond(ANSWERS, looking())
    if (isCounted) {
      warm.push(remembered)
      bare.push(looked)
    }
    for (const more of POLICIES) {
      const decisions = decisionsWith(more)
      const rate = perSecond(FRESH, (at) => {
        decisions.forget()
        if (decisions.decide(ANNA, 'device:command', deviceAt(at)).kind !== 'allowed') throw new Error('it is allowed')
      })
      if (isCounted) fresh.get(label(more))?.push(rate)
    }
  }
  return [
    {
      what: `decisions that were made before, ${DEVICES.toLocaleString('en')} devices, one thread`,
      unit: 'a second',
      values: new Map([
        ['holdfast', warm],
        ['bare Map', bare],
      ]),
      isMoreBetter: true,
    },
    ...[...fresh].map(([policies, rates]) => ({
      what: `decisions that were never made before (Cedar), ${policies} in the organisation, one thread`,
      unit: 'a second',
      values: new Map([['holdfast', rates]]),
      isMoreBetter: true,
    })),
  ]
}

/** @param more policies of other roles, beside those that every organisation begins with. */
function decisionsWith(more: number): Decisions {
  const engine = new CedarEngine(ACTIONS)
  const others = Array.from(
    { length: more },
    (_, at) => [`r${at}`, `permit (principal in Role::"r${at}", action == Action::"device:read", resource);`] as const,
  )
  engine.prepare('home', new Map([...Object.entries(STARTING_ROLES), ...others]))
  const tree = new Tree()
  const createdTime = timestampOf(0)
  tree.addOrganisation({ name: 'home', isFirst: true, createdTime })
  tree.addFleet(PLACE)
  const node = { kind: 'organisation', organisation: 'home' } as const
  const given: Assignment = {
    principal: ANNA.name,
    role: 'operator',
    node,
    organisation: 'home',
    createdTime,
    createdBy: 'x',
  }
  return new Decisions({ tree, engine, assignmentsOf: () => [given] })
}

function asking(decisions: Decisions): (at: number) => void {
  for (let at = 0; at < DEVICES; at += 1) decisions.decide(ANNA, 'device:command', deviceAt(at))
  return (at) => {
    if (decisions.decide(ANNA, 'device:command', deviceAt(at)).kind !== 'allowed') throw new Error('it is allowed')
  }
}

function looking(): (at: number) => void {
  const keyOf = (at: number): string => `${ANNA.name}\ndevice:command\nd${at % DEVICES}`
  const answers = new Map(Array.from({ length: DEVICES }, (_, at) => [keyOf(at), true]))
  return (at) => {
    if (answers.get(keyOf(at)) !== true) throw new Error('it is allowed')
  }
}

function deviceAt(at: number): Resource {
  return { kind: 'device', deviceId: `d${at % DEVICES}`, ...PLACE }
}

function label(more: number): string {
  const begun =
    Object.values(STARTING_ROLES)
      .join('\n')
      .match(/^permit/gm)?.length ?? 0
  return `${begun + more} policies`
}

function perSecond(times: number, act: (at: number) => void): number {
  const start = performance.now()
  for (let at = 0; at < times; at += 1) act(at)
  return (times * 1_000) / (performance.now() - start)
}
