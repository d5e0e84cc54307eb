/** A sink against a log that grows, a receiver that fails in every way, a disk that does, and crashes; from a seed. */

import { instantOf, timestampOf } from '@holdfast/base'
import type { LogEntry } from '@holdfast/review'
import { Delivery, type DeliveryInput, type DeliveryOutput, type SetAside } from '../delivery.ts'
import type { Outcome } from '../outcome.ts'

export interface SimulationResult {
  /** Indexes in the order in which the receiver took them, again and again where it came to that. */
  readonly taken: readonly number[]
  readonly setAside: readonly SetAside[]
  /** What the filter wants of the log. */
  readonly wanted: readonly number[]
  /** What the receiver refuses for good. */
  readonly poison: ReadonlySet<number>
  readonly crashes: number
  readonly attempts: number
  readonly told: readonly string[]
}

/** Numbers from 0 to 1 that follow from the seed (Park and Miller). */
export function chances(seed: number): () => number {
  let state = (Math.abs(seed) % 2_147_483_646) + 1
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

const isWanted = (index: number): boolean => index % 7 !== 3

export function entryOf(index: number): LogEntry {
  return {
    index,
    type: isWanted(index) ? 'twin.changed' : 'session.opened',
    version: 1,
    at: timestampOf(1_764_000_000_000 + index),
    body: { subject: `device/d${index % 5}`, actor: 'policy/service', detail: { sections: 'tags', version: index } },
  }
}

/** @param troubles chance of a failure at each step; after `entries` were written all is well, so that it ends. */
export function simulate(seed: number, { entries = 600, troubles = 0.3 } = {}): SimulationResult {
  const chance = chances(seed)
  const poison = new Set<number>()
  for (let index = 0; index < entries; index += 1) if (isWanted(index) && chance() < 0.01) poison.add(index)
  const log: LogEntry[] = []
  const stored = { cursor: 0, setAside: [] as SetAside[] }
  const taken: number[] = []
  const told: string[] = []
  let [now, crashes, attempts] = [0, 0, 0]
  const isTrouble = (): boolean => log.length < entries && chance() < troubles
  const start = (): Delivery =>
    new Delivery({
      cursor: stored.cursor,
      setAside: stored.setAside.length,
      matches: ({ type }) => type === 'twin.changed',
      chance,
    })
  let delivery = start()

  const receive = (batch: readonly LogEntry[]): Outcome => {
    attempts += 1
    if (isTrouble()) return { kind: 'failed', reason: 'HTTP 500', retryAfterMs: chance() < 0.1 ? 60_000 : 0 }
    if (batch.some(({ index }) => poison.has(index))) return { kind: 'refused', reason: 'HTTP 400' }
    taken.push(...batch.map(({ index }) => index))
    // Its answer may be lost on the way.
    return isTrouble() ? { kind: 'failed', reason: 'ECONNRESET', retryAfterMs: 0 } : { kind: 'taken' }
  }

  const perform = (output: DeliveryOutput): DeliveryInput | undefined => {
    switch (output.kind) {
      case 'read':
        if (isTrouble()) return { kind: 'unavailable' }
        return { kind: 'entries', entries: log.slice(output.from, output.from + output.limit) }
      case 'deliver':
        return { kind: 'outcome', outcome: receive(output.entries) }
      case 'save':
        if (isTrouble()) return { kind: 'unavailable' }
        stored.cursor = output.cursor
        if (output.setAside !== undefined) stored.setAside.push(output.setAside)
        return { kind: 'saved' }
      default:
        told.push(output.kind)
        return undefined
    }
  }

  const run = (first: DeliveryInput): void => {
    const waiting: DeliveryInput[] = [first]
    for (let step = 0; step < 100_000; step += 1) {
      const input = waiting.shift()
      if (input === undefined) return
      for (const output of delivery.handle(input, instantOf(now))) {
        // A crash before the act, or after it and before its answer.
        if (isTrouble() && chance() < 0.2) {
          if (chance() < 0.5) perform(output)
          crashes += 1
          delivery = start()
          waiting.splice(0, waiting.length, { kind: 'grown' })
          break
        }
        const answer = perform(output)
        if (answer !== undefined) waiting.push(answer)
      }
    }
    throw new Error('it goes round in circles')
  }

  for (let round = 0; round < 10_000; round += 1) {
    const more = Math.min(entries - log.length, Math.floor(chance() * 40))
    for (let count = 0; count < more; count += 1) log.push(entryOf(log.length))
    run({ kind: 'grown' })
    now = Math.max(now + 1, delivery.deadline ?? 0)
    run({ kind: 'tick' })
    if (log.length === entries && delivery.deadline === undefined && delivery.cursor === entries) break
  }
  const wanted = log.filter(({ index }) => isWanted(index)).map(({ index }) => index)
  return { taken, setAside: stored.setAside, wanted, poison, crashes, attempts, told }
}

/** What was promised, of one run. @throws Error naming the rule and the seed. */
export function checkSimulation(seed: number, result: SimulationResult): void {
  const must = (claim: boolean, rule: string): void => {
    if (!claim) throw new Error(`${rule} (seed ${seed})`)
  }
  const { taken, setAside, wanted, poison } = result
  const aside = new Set(setAside.map(({ first }) => first))
  const first = [...new Set(taken)]
  must(
    first.every((index, at) => at === 0 || index > (first[at - 1] ?? -1)),
    'what comes for the first time comes in order',
  )
  const isTaken = new Set(taken)
  must(
    wanted.every((index) => isTaken.has(index) || aside.has(index)),
    'everything arrives, or is set aside where it is seen',
  )
  must(
    [...aside].every((index) => poison.has(index)) && setAside.every(({ first: from, last }) => from === last),
    'only what was refused for good is set aside, and alone',
  )
  must(
    taken.every((index) => isWanted(index)),
    'nothing comes that was not wanted',
  )
}
