/**
 * The OpenAPI document of `/api/v1` (OpenAPI 3.1, JSON Schema 2020-12), made from the operations. Schemas that have a
 * title stand once, under it, in `components`.
 */

import type { TObject, TSchema } from 'typebox'
import { IDEMPOTENCY_KEY_CHARACTERS_MAX, takesIdempotencyKey } from './idempotency.ts'
import type { Answer, Operation } from './operation.ts'
import { PROBLEMS, PROBLEMS_PATH } from './problems.ts'
import { canBeProposed, Proposal, PROPOSED_STATUS } from './proposals.ts'

export interface DocumentFacts {
  /** Of the hub. */
  readonly version: string
  /** Name of the cookie that holds a browser's session. */
  readonly sessionCookie: string
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
type Schema = { readonly [name: string]: Json }

/** As the document holds schemas: what TypeBox keeps beside JSON Schema is not enumerable, and so not in the text. */
function plain(schema: TSchema): Schema {
  return JSON.parse(JSON.stringify(schema)) as Schema
}

/**
 * The document, as JSON.
 * @throws TypeError where two schemas that differ have one title: a fault in the operations.
 */
export function openApiDocument(operations: readonly Operation[], facts: DocumentFacts): Schema {
  const components = new Components()
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of operations) {
    const at = (paths[operation.path] ??= {})
    at[operation.method.toLowerCase()] = operationObject(operation, components)
  }
  const proposal = components.refer(Proposal)
  return {
    openapi: '3.1.1',
    info: {
      title: 'Holdfast',
      version: facts.version,
      summary: 'Secure infrastructure for the Internet of Things, on your own machine.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }, { sharedAccessSignature: [] }],
    tags: [...new Set(operations.map(({ id }) => tagOf(id)))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...components.schemas, Problem: PROBLEM },
      responses: {
        Problem: {
          description: `Why not, and what to do. The codes: ${PROBLEMS_PATH}`,
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
        Throttled: {
          description: 'More than may be asked.',
          headers: {
            'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 0 } },
          },
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
        Proposed: {
          description: 'Nothing is done yet: the two-person rule names this, and another operator has to approve it.',
          content: { 'application/json': { schema: proposal } },
          links: { proposal: { operationId: 'proposal.show', parameters: { proposal: '$response.body#/id' } } },
        },
        NotModified: { description: 'It is as the ETag of If-None-Match says.' },
      },
      headers: { ETag: { description: 'The version of what is shown (RFC 9110 §8.8.3).', schema: { type: 'string' } } },
      parameters: PARAMETERS,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A machine: hft_…; or a session of a person: hfs_…' },
        session: { type: 'apiKey', in: 'cookie', name: facts.sessionCookie, description: 'A person in a browser.' },
        sharedAccessSignature: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'SharedAccessSignature sr=…&sig=…&se=…&skn=…, made with a key of a shared access policy.',
        },
      },
    },
  }
}

function operationObject(operation: Operation, components: Components): Json {
  const { id, summary, action, on, body, upload, isVersioned, isLocalOnly } = operation
  return {
    operationId: id,
    summary,
    tags: [tagOf(id)],
    'x-holdfast-action': action,
    'x-holdfast-on': on,
    ...(isLocalOnly === true && { 'x-holdfast-local-only': true }),
    parameters: [
      ...[...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string', minLength: 1 },
      })),
      ...parametersOf('query', operation.query, components),
      ...parametersOf('header', operation.headers, components),
      ...headersTaken(operation).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ],
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: components.refer(body) } } },
    }),
    ...(upload !== undefined && {
      requestBody: { required: true, content: { [upload]: { schema: { type: 'string', format: 'binary' } } } },
    }),
    responses: {
      ...goodAnswer(operation, components),
      ...(canBeProposed(operation) && { [PROPOSED_STATUS]: { $ref: '#/components/responses/Proposed' } }),
      ...(isVersioned === true &&
        operation.method === 'GET' && { '304': { $ref: '#/components/responses/NotModified' } }),
      ...Object.fromEntries(
        statusesOf(operation).map((status) => [
          String(status),
          { $ref: `#/components/responses/${status === 429 ? 'Throttled' : 'Problem'}` },
        ]),
      ),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

function goodAnswer({ answer, isVersioned }: Operation, components: Components): Record<string, Json> {
  if (answer.kind === 'none') return { '204': { description: 'Done.' } }
  const status = answer.kind === 'json' ? (answer.status ?? 200) : 200
  return {
    [String(status)]: {
      description: DESCRIPTIONS[answer.kind],
      ...(isVersioned === true && { headers: { ETag: { $ref: '#/components/headers/ETag' } } }),
      content: contentOf(answer, components),
    },
  }
}

const DESCRIPTIONS: Readonly<Record<Exclude<Answer['kind'], 'none'>, string>> = {
  json: 'Done.',
  lines: 'One of the schema a line.',
  events: 'Server-sent events; the data of each is one of the schema.',
  bytes: 'The bytes.',
}

function contentOf(answer: Exclude<Answer, { readonly kind: 'none' }>, components: Components): Record<string, Json> {
  switch (answer.kind) {
    case 'json':
      return { 'application/json': { schema: components.refer(answer.schema) } }
    case 'lines':
      return {
        'application/x-ndjson': { schema: components.refer(answer.schema) },
        ...(answer.isLive === true && { 'text/event-stream': { schema: components.refer(answer.schema) } }),
      }
    case 'events':
      return { 'text/event-stream': { schema: components.refer(answer.schema) } }
    case 'bytes':
      return { [answer.contentType]: { schema: { type: 'string', format: 'binary' } } }
  }
}

/** What a request to it may be refused with, as far as that follows from what it is. */
function statusesOf(operation: Operation): readonly number[] {
  const { path, method, body, upload, isVersioned } = operation
  const isChange = method !== 'GET'
  return [
    400,
    401,
    403,
    ...(path.includes('{') ? [404] : []),
    ...(isChange ? [409] : []),
    ...(isVersioned === true && isChange ? [412] : []),
    ...(body === undefined && upload === undefined ? [] : [413, 415]),
    ...(takesIdempotencyKey(operation) ? [422] : []),
    429,
    503,
  ]
}

/** Names of the parameters in `PARAMETERS` that it takes. */
function headersTaken(operation: Operation): readonly string[] {
  const { method, isVersioned } = operation
  return [
    ...(isVersioned === true ? [method === 'GET' ? 'IfNoneMatch' : 'IfMatch'] : []),
    ...(takesIdempotencyKey(operation) ? ['IdempotencyKey'] : []),
  ]
}

const PARAMETERS: Schema = {
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'The ETag that must still be there, or *.',
    schema: { type: 'string' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'ETags that need not be sent again.',
    schema: { type: 'string' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key again within a day gives the same answer, and nothing is done twice.',
    schema: {
      type: 'string',
      minLength: 1,
      maxLength: IDEMPOTENCY_KEY_CHARACTERS_MAX + 2,
      pattern: '^[\\x21-\\x7e]+$',
    },
  },
}

function parametersOf(where: 'query' | 'header', schema: TObject | undefined, components: Components): readonly Json[] {
  return Object.entries(schema?.properties ?? {}).map(([name, one]) => ({
    name,
    in: where,
    required: schema?.required?.includes(name) === true,
    schema: components.refer(one),
  }))
}

function tagOf(id: string): string {
  return id.slice(0, id.indexOf('.'))
}

const PROBLEM: Schema = {
  type: 'object',
  title: 'Problem',
  description: 'RFC 9457.',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'Where the code is explained.' },
    title: { type: 'string', description: 'What was refused and why.' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What to do about it.' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    faults: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: {
          path: { type: 'string', description: 'JSON pointer into the body, or ?name of a parameter.' },
          message: { type: 'string' },
        },
      },
    },
  },
}

/** Schemas by title. */
class Components {
  readonly #byTitle = new Map<string, { readonly text: string; readonly schema: Schema }>()

  get schemas(): Schema {
    const titles = [...this.#byTitle].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(titles.map(([title, { schema }]) => [title, schema]))
  }

  refer(schema: TSchema): Json {
    return this.#lift(plain(schema))
  }

  #lift(value: Json): Json {
    if (Array.isArray(value)) return value.map((one: Json) => this.#lift(one))
    if (typeof value !== 'object' || value === null) return value
    const schema = value as Schema
    const members = Object.fromEntries(
      Object.entries(schema).map(([name, one]) => [name, LITERALS.has(name) ? one : this.#lift(one)]),
    )
    const { title } = schema
    if (typeof title !== 'string') return members
    const text = JSON.stringify(members)
    const known = this.#byTitle.get(title)
    if (known !== undefined && known.text !== text) throw new TypeError(`two schemas have the title ${title}`)
    this.#byTitle.set(title, { text, schema: members })
    return { $ref: `#/components/schemas/${title}` }
  }
}

/** Members of a schema that hold values and no schemas. */
const LITERALS: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'required', 'examples'])
