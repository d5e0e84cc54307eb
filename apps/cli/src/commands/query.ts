/** `holdfast query`: twins of devices and modules, by the query language of IoT Hub, page after page. */

import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { leaf, wholeNumber, type World } from '../command.ts'
import type { HubClient } from '../hub-client.ts'
import type { Column } from '../printer.ts'

/** Items asked for at once. */
const PAGE_ITEMS = 100

export function addQuery(program: Command, world: World): void {
  leaf<[string], { readonly limit?: number }>(program, world, {
    usage: 'query <text>',
    summary: 'ask which devices and modules there are, by tags, properties and state',
    example: `holdfast query "SELECT deviceId, tags.site FROM devices WHERE tags.site = 'hall-2'" --limit 20`,
    notes:
      'SELECT [TOP n] * | paths [AS name] | COUNT(), SUM, AVG, MIN, MAX (path) FROM devices | devices.modules\n' +
      '  [WHERE condition] [GROUP BY paths]\n' +
      'Paths begin with a field of the twin: deviceId, status, connectionState, tags.…, properties.desired.…,\n' +
      '  properties.reported.…; a name of other letters is written [[so]].\n' +
      "Conditions: = != < <= > >= IN ['a', 'b'] NIN [1, 2] AND OR NOT ( ) is_defined(path) startswith(path, 'text') …",
    options: [new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1))],
    async run({ hub, print }, { limit }, text) {
      const pages = pagesOf(hub, text, limit)
      const first = await pages.next()
      const rows = first.done === true ? [] : first.value
      await print.table(after(rows, pages), columnsOf(rows), 'nothing meets this; try fewer conditions')
    },
  })
}

/** Pages with something on them, or the one that has nothing. */
async function* pagesOf(hub: HubClient, query: string, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Rows> {
  let left = limit
  let continuation: string | undefined
  do {
    const request: Api.QueryRequest = {
      query,
      limit: Math.min(left, PAGE_ITEMS),
      ...(continuation === undefined ? {} : { continuation }),
    }
    const page = await hub.query.run({ body: request })
    const items = page.items.slice(0, left)
    left -= items.length
    if (items.length > 0) yield items
    // A hub that answers with the same place for ever must not hold us for ever.
    if (page.continuation === continuation) return
    continuation = page.continuation
  } while (continuation !== undefined && left > 0)
}

type Rows = readonly object[]

async function* after(first: Rows, others: AsyncGenerator<Rows>): AsyncGenerator<Rows> {
  yield first
  yield* others
}

/** Of whole twins what tells them apart; else what was selected, as the first page has it. */
function columnsOf(rows: Rows): readonly Column<object>[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  const shown =
    names.has('deviceEtag') && names.has('properties') ? WHOLE.filter((name) => names.has(name)) : [...names]
  return shown.map((name) => [name, (row) => cell(Object.hasOwn(row, name) ? Reflect.get(row, name) : undefined)])
}

const WHOLE = ['deviceId', 'moduleId', 'status', 'connectionState', 'lastActivityTime', 'tags']

function cell(value: unknown): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' || value === undefined ? value : JSON.stringify(value)
}
