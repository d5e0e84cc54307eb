import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DpsError, type QueryTarget, type QueryValue, meets, parseQuery, parseQueryBody } from './index.ts'

const RECORD: Readonly<Record<string, QueryValue>> = {
  registrationId: 'pump-1',
  'attestation.type': 'x509',
  provisioningStatus: 'enabled',
  'capabilities.iotEdge': false,
  createdDateTimeUtc: '2026-11-02T12:00:00.000Z',
}

function isMet(where: string): boolean {
  const condition = parseQuery(`SELECT * FROM enrollments WHERE ${where}`, 'enrollments')
  return meets(condition, (field) => RECORD[field])
}

describe('queries', () => {
  test('what the SDKs and their samples ask', () => {
    for (const [text, target] of [
      ['*', 'enrollments'],
      ['SELECT * FROM enrollments', 'enrollments'],
      ['select * from ENROLLMENTGROUPS', 'enrollmentGroups'],
      ['SELECT * FROM enrollmentGroups', 'registrations'],
      ['SELECT * FROM enrollments', 'registrations'],
    ] as const satisfies readonly (readonly [string, QueryTarget])[]) {
      assert.deepEqual(parseQuery(text, target), { kind: 'all' })
    }
  })

  for (const [where, expected] of [
    ["registrationId = 'pump-1'", true],
    ["REGISTRATIONID = 'pump-1'", true],
    ['registrationId = "pump-1"', true],
    ["registrationId = 'PUMP-1'", false],
    ["registrationId != 'pump-1'", false],
    ["registrationId <> 'other'", true],
    ["createdDateTimeUtc >= '2026-11-01T00:00:00Z' AND createdDateTimeUtc < '2026-12-01T00:00:00Z'", true],
    ["attestation.type IN ['tpm', 'x509']", true],
    ["attestation.type NOT IN ('tpm', 'x509')", false],
    ['capabilities.iotEdge = false', true],
    ["NOT capabilities.iotEdge = true AND (registrationId = 'x' OR provisioningStatus = 'enabled')", true],
    // AND binds closer than OR.
    ["registrationId = 'pump-1' OR registrationId = 'x' AND registrationId = 'y'", true],
    // An absent field meets nothing, and neither does a value of another type.
    ["deviceId = 'x'", false],
    ["deviceId != 'x'", false],
    ["capabilities.iotEdge = 'false'", false],
    ["registrationId = 'it\\'s'", false],
  ] as const) {
    test(where, () => assert.equal(isMet(where), expected))
  }

  for (const [text, position] of [
    ['', 1],
    ['SELECT', 7],
    ['SELECT registrationId FROM enrollments', 8],
    ['SELECT * FROM devices', 15],
    ['SELECT * FROM enrollments WHERE', 32],
    ["SELECT * FROM enrollments WHERE nothing = 'x'", 33],
    ["SELECT * FROM enrollments WHERE registrationId LIKE 'x'", 48],
    ['SELECT * FROM enrollments WHERE registrationId = 5', 50],
    ["SELECT * FROM enrollments WHERE registrationId = 'x", 50],
    ["SELECT * FROM enrollments WHERE (registrationId = 'x'", 54],
    ['SELECT * FROM enrollments; DROP', 26],
    ['SELECT * FROM enrollments ORDER BY registrationId', 27],
    ['* *', 3],
  ] as const) {
    test(`${text} is refused at ${position}`, () => {
      assert.throws(
        () => parseQuery(text, 'enrollments'),
        (error) => error instanceof DpsError && error.code === 'bad-query' && error.message.includes(` ${position}:`),
      )
    })
  }

  test('depth, number of conditions and of values are bounded', () => {
    const nested = `${'('.repeat(100)}registrationId = 'x'${')'.repeat(100)}`
    const many = Array.from({ length: 100 }, () => "registrationId = 'x'").join(' OR ')
    const values = Array.from({ length: 200 }, () => "'x'").join(',')
    for (const where of [nested, `${'NOT '.repeat(100)}registrationId = 'x'`, many, `registrationId IN [${values}]`]) {
      assert.throws(() => isMet(where), DpsError)
    }
    assert.throws(() => parseQuery(`*${' '.repeat(5_000)}`, 'enrollments'), DpsError)
  })

  test('the body holds the query', () => {
    assert.equal(parseQueryBody(Buffer.from('{"query":"*"}'), 'enrollments').text, '*')
    for (const body of ['{}', '{"query":1}', 'null', '{"query":""}']) {
      assert.throws(() => parseQueryBody(Buffer.from(body), 'enrollments'), DpsError)
    }
  })
})
