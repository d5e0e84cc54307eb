/** The audit log: what is in it, how it is taken away to be verified, and how bodies are destroyed. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

const name = Type.String({ minLength: 1, maxLength: 512 })
const index = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** Bodies that one request may name to be destroyed. */
export const SHREDDED_INDICES_MAX = 500

export const LogCheckpoint = shape('LogCheckpoint', {
  size: Type.Integer(),
  time: instant,
  /** The signed note (C2SP tlog-checkpoint), with the cosignatures that have come. */
  note: Type.String(),
  /** Names of the keys of witnesses that signed it. */
  cosignedBy: Type.Array(Type.String()),
})

export const LogState = shape('LogState', {
  /** As vkey (C2SP signed-note): keep it where the hub cannot reach it. */
  key: Type.String(),
  origin: Type.String(),
  /** Entries, signed for or not. */
  size: Type.Integer(),
  /** Of all of them; base64. */
  root: Type.String(),
  checkpoint: Type.Optional(LogCheckpoint),
  /** Why nothing is signed any more. */
  contradiction: Type.Optional(Type.String()),
})
export type LogState = Type.Static<typeof LogState>

export const LogEntry = shape('LogEntry', {
  index: Type.Integer(),
  type: Type.String(),
  /** Of the type's schema. */
  version: Type.Integer(),
  time: instant,
  /** `body`: the members below are there. `shredded`: they were destroyed. `unreadable`: they were altered. */
  content: Type.Union([Type.Literal('body'), Type.Literal('shredded'), Type.Literal('unreadable')]),
  subject: Type.Optional(Type.String()),
  actor: Type.Optional(Type.String()),
  /** How the act came in. */
  source: Type.Optional(Type.String()),
  detail: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
})
export type LogEntry = Type.Static<typeof LogEntry>

/** A page may be empty and have a next one all the same, since each looks at so many entries at most. */
export const LogPage = page('Log', LogEntry)

/** A line of a bundle (`domain/audit`): a header, a tile, an entry, a checkpoint, or the end. */
export const LogLine = Type.Object({ kind: Type.String() }, { title: 'LogLine' })

export const BodyShredding = shape('BodyShredding', {
  /** All about this subject: a device with its modules, a person, a policy. Or, instead, these entries. */
  subject: Type.Optional(name),
  indices: Type.Optional(Type.Array(index, { minItems: 1, maxItems: SHREDDED_INDICES_MAX })),
  /** Kept in the log: it must not tell what is to be forgotten. */
  reason: Type.String({ minLength: 1, maxLength: 256 }),
})

export const auditOperations = {
  log: operation({
    id: 'audit.log',
    method: 'GET',
    path: '/api/v1/audit/log',
    summary: 'Show the key of the log, its size, and what was last signed of it',
    action: 'audit:read',
    on: 'hub',
    answer: { kind: 'json', schema: LogState },
  }),
  list: operation({
    id: 'audit.list',
    method: 'GET',
    path: '/api/v1/audit/entries',
    summary: 'Find entries of the log by subject, actor, type and time',
    action: 'audit:read',
    on: 'hub',
    query: closed({
      subject: Type.Optional(name),
      actor: Type.Optional(name),
      type: Type.Optional(Type.String({ maxLength: 64 })),
      /** Not before, and before. */
      from: Type.Optional(instant),
      to: Type.Optional(instant),
      order: Type.Optional(Type.Union([Type.Literal('newest'), Type.Literal('oldest')])),
      ...paging,
    }),
    answer: { kind: 'json', schema: LogPage },
  }),
  show: operation({
    id: 'audit.show',
    method: 'GET',
    path: '/api/v1/audit/entries/{index}',
    summary: 'Show one entry of the log',
    action: 'audit:read',
    on: 'hub',
    answer: { kind: 'json', schema: LogEntry },
  }),
  export: operation({
    id: 'audit.export',
    method: 'GET',
    path: '/api/v1/audit/export',
    summary: 'Take the log away as a bundle that is verified without the hub',
    action: 'audit:read',
    on: 'hub',
    query: closed({ bodies: Type.Optional(Type.Boolean()) }),
    answer: { kind: 'lines', schema: LogLine },
  }),
  shred: operation({
    id: 'audit.shred',
    method: 'POST',
    path: '/api/v1/audit/shreddings',
    summary: 'Destroy bodies of entries for good; their leaves still prove',
    action: 'audit:shred',
    on: 'hub',
    body: BodyShredding,
    answer: { kind: 'json', schema: shape('BodiesShredded', { entries: Type.Integer() }) },
  }),
}
