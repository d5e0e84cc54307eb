import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Timestamp, timestampOf } from '@holdfast/base'
import fc from 'fast-check'
import {
  compareLapses,
  issuedLapses,
  type Lapse,
  type LapseCursor,
  type LapseKind,
  listedLapses,
  listLapses,
} from './calendar.ts'
import type { IssuedCertificate } from './issued-certificate.ts'

const at = timestampOf

function record(end: number, sha256: string): IssuedCertificate {
  const time = at(0)
  return {
    serialNumber: sha256,
    sha256,
    spkiSha256: sha256,
    key: { deviceId: `d${sha256}` },
    generationId: 'g',
    profile: 'device',
    issuerSha256: 'i',
    notBefore: time,
    notAfter: at(end),
    renewalTime: time,
    issuedTime: time,
    state: 'current',
    replacesKeys: false,
    stateTime: time,
    certificate: new Uint8Array(),
  }
}

/** As the store answers, by its contract. */
function storeOf(records: readonly IssuedCertificate[]) {
  return {
    listIssuedByEnd: (page: {
      readonly from: Timestamp
      readonly to: Timestamp
      readonly after?: { readonly time: Timestamp; readonly sha256: string }
      readonly limit: number
    }) => {
      const { after } = page
      const rest = records
        .filter(({ notAfter }) => notAfter >= page.from && notAfter < page.to)
        .filter(
          ({ notAfter, sha256 }) =>
            after === undefined || notAfter > after.time || (notAfter === after.time && sha256 > after.sha256),
        )
        .toSorted((a, b) => a.notAfter - b.notAfter || (a.sha256 < b.sha256 ? -1 : 1))
      return Promise.resolve(rest.slice(0, page.limit))
    },
  }
}

const KINDS: readonly LapseKind[] = ['customer-authority', 'enrollment', 'hub', 'revocation-list']

test('pages of any size give every lapse of the span once, in order', async () => {
  const issued = fc.uniqueArray(
    fc.tuple(
      fc.nat(20),
      fc.integer({ min: 1, max: 255 }).map((byte) => byte.toString(16).toUpperCase()),
    ),
    { selector: ([, id]) => id, maxLength: 12 },
  )
  const others = fc.uniqueArray(
    fc.tuple(
      fc.nat(20),
      fc.constantFrom(...KINDS),
      fc.integer({ min: 1, max: 255 }).map((byte) => byte.toString(16).toUpperCase()),
    ),
    {
      selector: ([, kind, id]) => `${kind} ${id}`,
      maxLength: 12,
    },
  )
  await fc.assert(
    fc.asyncProperty(issued, others, fc.integer({ min: 1, max: 5 }), async (ours, theirs, limit) => {
      const few: readonly Lapse[] = theirs.map(([time, kind, id]) => ({ at: at(time), kind, id, subject: id }))
      const sources = [issuedLapses(storeOf(ours.map(([end, id]) => record(end, id)))), listedLapses(() => few)]
      const span = { from: at(3), to: at(17) }
      const all = await listLapses(sources, { ...span, limit: 1_000 })
      const paged: Lapse[] = []
      let after: LapseCursor | undefined
      for (;;) {
        const page = await listLapses(sources, { ...span, limit, ...(after === undefined ? {} : { after }) })
        paged.push(...page)
        after = page.at(-1)
        if (page.length < limit) break
      }
      assert.deepEqual(paged, all)
      assert.deepEqual(all, all.toSorted(compareLapses))
      const wanted = [...ours.map(([time]) => time), ...theirs.map(([time]) => time)].filter(
        (one) => one >= 3 && one < 17,
      )
      assert.equal(all.length, wanted.length)
    }),
    { numRuns: 200 },
  )
})
