import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readIdempotencyKey, takesIdempotencyKey } from './idempotency.ts'
import { ALL_OPERATIONS } from './operations.ts'

test('a key is read with quotes and without, and is the same', () => {
  assert.equal(readIdempotencyKey('"8e03978e-40d5-43dd-bc93-6894a57f9324"'), '8e03978e-40d5-43dd-bc93-6894a57f9324')
  assert.equal(readIdempotencyKey('8e03978e-40d5-43dd-bc93-6894a57f9324'), '8e03978e-40d5-43dd-bc93-6894a57f9324')
  assert.equal(readIdempotencyKey('x'.repeat(128))?.length, 128)
})

test('what is no key is refused', () => {
  for (const header of ['', '""', '"', '"a', 'a b', '"a b"', 'ü', '"a", "b"', 'x'.repeat(129), '"a\\"b"']) {
    assert.equal(readIdempotencyKey(header), undefined, header)
  }
})

test('what discloses a secret, reads, streams or is no POST takes none', () => {
  const taking = new Set(ALL_OPERATIONS.filter(takesIdempotencyKey).map(({ id }) => id))
  for (const id of ['device.create', 'command.send', 'command.invoke', 'enrollment.create', 'organisation.addSite']) {
    assert.ok(taking.has(id), id)
  }
  for (const operation of ALL_OPERATIONS) {
    if (operation.method !== 'POST' || operation.disclosesSecret === true) assert.ok(!taking.has(operation.id))
  }
  for (const id of ['query.run', 'manifest.upload', 'operator.invite', 'keyProvider.set', 'transfer.offer']) {
    assert.ok(!taking.has(id), id)
  }
})

test('whatever answers with a link or a code says that it discloses a secret', () => {
  for (const { id, method, answer, disclosesSecret } of ALL_OPERATIONS) {
    if (method === 'GET' || answer.kind !== 'json') continue
    const members = 'properties' in answer.schema ? Object.keys(Object(answer.schema.properties)) : []
    if (members.some((name) => /^(link|secret|code|connectionString|primaryKey|token)$/.test(name))) {
      assert.equal(disclosesSecret, true, id)
    }
  }
})
