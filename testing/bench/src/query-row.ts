/** How long queries take over REST, with more and more twins: the first page by a tag, all pages of a scan, an aggregate. */

import { startBackEnd, type BackEnd } from './back-end.ts'
import { eachOf } from './holdfast-server.ts'
import { median } from './median.ts'

const BULK = 100
const SITES = 200
const ROUNDS = 9

const QUERIES = [
  ['first page by a tag', "SELECT * FROM devices WHERE tags.site = 'site-7'", 1],
  [
    'all pages of a scan',
    'SELECT deviceId FROM devices WHERE properties.desired.limit > 995',
    Number.POSITIVE_INFINITY,
  ],
  ['an aggregate', 'SELECT tags.site, COUNT() AS n FROM devices GROUP BY tags.site', Number.POSITIVE_INFINITY],
] as const

export async function measureQueries(options: {
  readonly scratch: string
  readonly fleets: readonly number[]
  readonly progress: (text: string) => void
}): Promise<readonly string[]> {
  const { scratch, fleets, progress } = options
  const lines: string[] = []
  for (const twins of fleets) {
    const backEnd = await startBackEnd(scratch)
    try {
      const begun = performance.now()
      let made = 0
      await eachOf(Math.ceil(twins / BULK), async (bulk) => {
        await makeTwins(backEnd, bulk * BULK, Math.min(BULK, twins - bulk * BULK))
        made += BULK
        if (made % 5_000 === 0) progress(`making ${twins} twins: ${made}`)
      })
      const seconds = (performance.now() - begun) / 1000
      lines.push(
        `queries over REST, ${twins.toLocaleString('en')} twins (made at ${Math.round(twins / seconds)} a second)`,
      )
      for (const [what, query, pagesMax] of QUERIES) {
        const times: number[] = []
        let items = 0
        for (let round = 0; round < ROUNDS; round += 1) {
          progress(`${twins} twins, ${what}: round ${round + 1} of ${ROUNDS}`)
          const at = performance.now()
          items = await ask(backEnd, query, pagesMax)
          times.push(performance.now() - at)
        }
        const spread = `${Math.min(...times).toFixed(1)} … ${Math.max(...times).toFixed(1)}`
        lines.push(`  ${what.padEnd(22)} ${median(times).toFixed(1).padStart(8)} ms  (${spread}; ${items} rows)`)
      }
    } finally {
      await backEnd.stop()
    }
  }
  return lines
}

async function makeTwins({ caller }: BackEnd, from: number, count: number): Promise<void> {
  const devices = Array.from({ length: count }, (_, at) => {
    const index = from + at
    return {
      id: `device-${String(index).padStart(6, '0')}`,
      importMode: 'create',
      tags: { site: `site-${index % SITES}`, floor: index % 7 },
      properties: { desired: { limit: index % 1_000, mode: index % 3 === 0 ? 'fast' : 'slow' } },
    }
  })
  const { status, text } = await caller.call('POST', '/devices', devices)
  if (status !== 200) throw new Error(`making devices was answered ${status}: ${text.slice(0, 300)}`)
}

/** @returns how many rows came. */
async function ask({ caller }: BackEnd, query: string, pagesMax: number): Promise<number> {
  let items = 0
  let continuation: string | undefined
  for (let page = 0; page < pagesMax; page += 1) {
    const headers = continuation === undefined ? {} : { 'x-ms-continuation': continuation }
    const answer = await caller.call('POST', '/devices/query', { query }, headers)
    const rows: unknown = answer.status === 200 ? JSON.parse(answer.text) : undefined
    if (!Array.isArray(rows)) throw new Error(`${query} was answered ${answer.status}: ${answer.text.slice(0, 300)}`)
    items += rows.length
    const next = answer.headers['x-ms-continuation']
    if (typeof next !== 'string' || next === '') break
    continuation = next
  }
  return items
}
