/**
 * A reporter for `node --test`: one line a row of the checklist, and totals. Prints nothing where no test named a row.
 *
 *   npm run conformance
 */

import type { TestEvent } from 'node:test/reporters'
import { ROWS, type Row, TRANSPORTS } from './rows.ts'
import { type Cell, type Outcome, Tally } from './tally.ts'

// oxlint-disable-next-line import/no-default-export -- the runner takes a reporter by its default export.
export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const tally = new Tally(ROWS)
  let named = 0
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const before = named
    if (/\brows? \d/.test(event.data.name)) named += 1
    if (named > before) tally.add(event.data.name, outcomeOf(event))
  }
  if (named > 0) yield* format(tally)
}

function outcomeOf(event: Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>): Outcome {
  if (event.data.skip !== undefined && event.data.skip !== false) return 'skipped'
  return event.type === 'test:pass' ? 'passed' : 'failed'
}

function* format(tally: Tally): Generator<string> {
  const totals = { shown: 0, failed: 0 }
  const missing: string[] = []
  yield '\nconformance, row by row (tests passed by transport):\n'
  for (const row of ROWS) {
    let hasRun = row.served.length === 0
    const cells = TRANSPORTS.map((transport) => {
      const cell = tally.cell(row.number, transport)
      if (cell.passed + cell.failed + cell.skipped > 0) hasRun = true
      if (row.served.includes(transport)) {
        if (cell.passed + cell.failed === 0) missing.push(`${row.number} ${transport}`)
        else totals[cell.failed > 0 ? 'failed' : 'shown'] += 1
      }
      return `${transport} ${markOf(cell)}`.padEnd(16)
    })
    if (hasRun) yield `${lineOf(row, cells).trimEnd()}\n`
  }
  for (const name of tally.strays) yield `a test names a row that is not in the table: ${name}\n`
  if (missing.length > 0) yield `not shown by this run: ${missing.join(', ')}\n`
  const leftOut = ROWS.filter(({ served }) => served.length === 0).length
  yield `rows by transport: ${totals.shown} shown, ${totals.failed} failed, ${missing.length} not shown; ${leftOut} rows left out\n`
}

function markOf({ passed, failed, skipped }: Cell): string {
  if (failed > 0) return `✖ ${failed}`
  if (passed > 0) return `✔ ${passed}`
  return skipped > 0 ? 'skipped' : '-'
}

function lineOf(row: Row, cells: readonly string[]): string {
  const reason = row.leftOut === undefined ? '' : `left out: ${row.leftOut}`
  return `${String(row.number).padStart(2)} ${row.operation.padEnd(54)} ${cells.join('')} ${reason}`
}
