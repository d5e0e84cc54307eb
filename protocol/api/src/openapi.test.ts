import assert from 'node:assert/strict'
import { test } from 'node:test'
import Schema from 'typebox/schema'
import { openApiDocument } from './openapi.ts'
import type { Operation } from './operation.ts'
import { ALL_OPERATIONS } from './operations.ts'
import { closed, shape } from './shape.ts'
import Type from 'typebox'

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

interface OperationObject {
  readonly operationId: string
  readonly parameters: readonly { readonly name?: string; readonly in?: string; readonly required?: boolean }[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
  readonly 'x-holdfast-action': string
}

const facts = { version: '1.2.3', sessionCookie: '__Host-x' }
const document = openApiDocument(ALL_OPERATIONS, facts) as unknown as Document
const text = JSON.stringify(document)

test('every operation stands in the document once, with its action', () => {
  const all = Object.values(document.paths).flatMap((at) => Object.values(at))
  assert.equal(all.length, ALL_OPERATIONS.length)
  for (const { id, action, method, path } of ALL_OPERATIONS) {
    const found = document.paths[path]?.[method.toLowerCase()]
    assert.equal(found?.operationId, id)
    assert.equal(found?.['x-holdfast-action'], action)
  }
})

test('every parameter of a path is declared, and required', () => {
  for (const [path, at] of Object.entries(document.paths)) {
    for (const { operationId, parameters } of Object.values(at)) {
      const declared = parameters.filter((one) => one.in === 'path' && one.required === true).map(({ name }) => name)
      assert.deepEqual(
        declared,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        operationId,
      )
    }
  }
})

test('every $ref resolves, and every component is referred to', () => {
  const refs = new Set([...text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, ref = '']) => ref))
  for (const ref of refs) {
    const [kind = '', name = ''] = ref.split('/')
    assert.ok(document.components[kind]?.[name] !== undefined, ref)
  }
  for (const kind of ['schemas', 'responses', 'parameters', 'headers']) {
    for (const name of Object.keys(document.components[kind] ?? {}))
      assert.ok(refs.has(`${kind}/${name}`), `${kind}/${name}`)
  }
})

test('every schema compiles', () => {
  const schemas = document.components['schemas'] ?? {}
  for (const name of Object.keys(schemas)) {
    const schema = {
      $ref: `#/$defs/${name}`,
      $defs: JSON.parse(JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/$defs/')),
    }
    assert.equal(Schema.Check(schema, 42), false, `${name} is of objects`)
  }
})

test('refusals are problem+json, and what discloses a secret takes no Idempotency-Key', () => {
  for (const { id, method, path, disclosesSecret } of ALL_OPERATIONS) {
    const found = document.paths[path]?.[method.toLowerCase()]
    for (const status of ['400', '401', '403', '429', '503', 'default'])
      assert.ok(found?.responses[status], `${id} ${status}`)
    const taken = JSON.stringify(found?.parameters).includes('IdempotencyKey')
    if (disclosesSecret === true || method !== 'POST') assert.equal(taken, false, id)
  }
})

test('what can wait for the word of another may be answered 202, and nothing else is', () => {
  const waiting = ALL_OPERATIONS.filter(
    ({ method, path }) => document.paths[path]?.[method.toLowerCase()]?.responses['202'] !== undefined,
  ).map(({ id }) => id)
  assert.ok(waiting.includes('shred.device') && waiting.includes('proposal.setPolicy'))
  for (const id of ['device.show', 'proposal.approve', 'token.create', 'session.finishStepUp']) {
    assert.ok(!waiting.includes(id), id)
  }
})

test('two schemas that differ under one title are a fault', () => {
  const operation = (id: string, body: ReturnType<typeof shape>): Operation => ({
    id,
    method: 'POST',
    path: `/api/v1/${id}`,
    summary: 'Tests',
    action: 'hub:read',
    on: 'hub',
    body,
    answer: { kind: 'none' },
  })
  const same = shape('Same', { a: Type.String() })
  const document = openApiDocument(
    [operation('a.a', same), operation('b.b', closed({ c: Type.Optional(same) }))],
    facts,
  )
  assert.equal(JSON.stringify(document).match(/"Same":/g)?.length, 1)
  const other = shape('Same', { a: Type.Integer() })
  assert.throws(() => openApiDocument([operation('a.a', same), operation('b.b', other)], facts), /title Same/)
})
