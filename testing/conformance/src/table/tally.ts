/** Counts tests by row and transport. A test says in its name which ones it shows: `row 8 mqtt-ws: …`, `rows 18, 30: …`. */

import { type Row, TRANSPORTS, type Transport } from './rows.ts'

export type Outcome = 'passed' | 'failed' | 'skipped'

export interface Cell {
  passed: number
  failed: number
  skipped: number
}

export interface Place {
  readonly row: number
  /** Undefined: every transport on which the row is served. */
  readonly transport: Transport | undefined
}

const NAMED = /\brows? (\d+(?:(?:, | and )\d+)*)(?: ([a-z-]+))?/g

/** The rows that a test's name speaks of. One that names no transport has that of the one before it in the same name. */
export function placesOf(name: string): readonly Place[] {
  const places: Place[] = []
  let last: Transport | undefined
  for (const [, numbers = '', word] of name.matchAll(NAMED)) {
    const transport = TRANSPORTS.find((one) => one === word) ?? last
    last = transport
    for (const number of numbers.split(/, | and /)) places.push({ row: Number(number), transport })
  }
  return places
}

export class Tally {
  readonly #cells = new Map<string, Cell>()
  readonly #rows: ReadonlyMap<number, Row>
  /** Names of tests that speak of a row that is not in the table, or of a transport on which it is left out. */
  readonly strays: string[] = []

  constructor(rows: readonly Row[]) {
    this.#rows = new Map(rows.map((row) => [row.number, row]))
  }

  add(name: string, outcome: Outcome): void {
    for (const { row: number, transport } of placesOf(name)) {
      const row = this.#rows.get(number)
      if (row === undefined) {
        this.strays.push(name)
        continue
      }
      for (const one of transport === undefined ? row.served : [transport]) this.cell(number, one)[outcome] += 1
    }
  }

  cell(row: number, transport: Transport): Cell {
    const key = `${row} ${transport}`
    let cell = this.#cells.get(key)
    if (cell === undefined) {
      cell = { passed: 0, failed: 0, skipped: 0 }
      this.#cells.set(key, cell)
    }
    return cell
  }
}
