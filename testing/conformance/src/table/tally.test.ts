import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROWS } from './rows.ts'
import { placesOf, Tally } from './tally.ts'

test('a name says which rows it shows, and on which transport', () => {
  assert.deepEqual(placesOf('row 8 mqtt-ws: bodies of every kind'), [{ row: 8, transport: 'mqtt-ws' }])
  assert.deepEqual(placesOf('rows 18, 30 mqtt: payloads'), [
    { row: 18, transport: 'mqtt' },
    { row: 30, transport: 'mqtt' },
  ])
  assert.deepEqual(placesOf('row 45 https: an enrolment; row 52: connects'), [
    { row: 45, transport: 'https' },
    { row: 52, transport: 'https' },
  ])
  assert.deepEqual(placesOf('row 25 first packet of C: let in'), [{ row: 25, transport: undefined }])
  assert.deepEqual(placesOf('the codec reads a row of bytes'), [])
})

test('a test that names no transport counts for all on which the row is served', () => {
  const tally = new Tally(ROWS)
  tally.add('row 58: every client connects', 'passed')
  assert.deepEqual(
    (['mqtt', 'mqtt-ws', 'https'] as const).map((transport) => tally.cell(58, transport).passed),
    [1, 1, 1],
  )
  assert.equal(tally.cell(58, 'amqp').passed, 0)
})

test('a row that is not in the table is told', () => {
  const tally = new Tally(ROWS)
  tally.add('row 99: of nobody', 'passed')
  assert.deepEqual(tally.strays, ['row 99: of nobody'])
})

test('the table has every row once, and says of each that is not served anywhere why', () => {
  assert.deepEqual(
    ROWS.map(({ number }) => number),
    Array.from({ length: 58 }, (_, index) => index + 1),
  )
  assert.deepEqual(
    ROWS.filter(({ served, leftOut }) => served.length === 0 && leftOut === undefined),
    [],
  )
})
