/** Tokens of machines. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

const MINUTES_MAX = 90 * 24 * 60
const name = Type.String({ minLength: 1, maxLength: 63 })

/** `organisation/NAME`, `site/ORGANISATION/NAME`, `fleet/ORGANISATION/SITE/NAME` or `device/ID`. */
const node = Type.String({ minLength: 1, maxLength: 256 })

/** A role, or a few actions, at a node and for all that is below it: one of the two. */
export const TokenGrant = shape('TokenGrant', {
  role: Type.Optional(name),
  actions: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 64 })),
  on: node,
})
export type TokenGrant = Type.Static<typeof TokenGrant>

export const TokenDraft = shape('TokenDraft', {
  name,
  /** Never more than its maker may do, now and whenever it is used. */
  scope: Type.Array(TokenGrant, { maxItems: 16 }),
  /** A day unless told; 90 days at most. */
  lifeMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: MINUTES_MAX })),
  /** Opens nothing: whoever uses it is told of. Has no scope, and lasts until it is revoked. */
  isCanary: Type.Optional(Type.Boolean()),
})

const token = {
  name: Type.String(),
  /** In events `token/<id>`. */
  id: Type.String(),
  organisation: Type.String(),
  scope: Type.Array(TokenGrant),
  /** It does nothing that whoever made it could not do at that moment. */
  maker: Type.String(),
  isCanary: Type.Boolean(),
  createdTime: instant,
  /** Of a canary: absent. */
  expires: Type.Optional(instant),
  /** `rotating`: the former secret works beside the new one, until `formerUntil` or until the new one is seen. */
  state: Type.Enum(['live', 'rotating', 'expired', 'canary', 'canary-used']),
  formerUntil: Type.Optional(instant),
  /** Absent: never. May lag behind by a minute. */
  lastUsed: Type.Optional(closed({ day: Type.String({ format: 'date' }), address: Type.String() })),
  /** Nobody used it for 30 days. */
  isUnused: Type.Boolean(),
}

export const Token = shape('Token', token)
export type Token = Type.Static<typeof Token>

export const MadeToken = shape('MadeToken', {
  ...token,
  /** `hft_…`: shown this once. */
  text: Type.String(),
})
export type MadeToken = Type.Static<typeof MadeToken>

export const TokenRotation = shape('TokenRotation', {
  /** How long the former secret works on at most: an hour unless told, 7 days at most, 0 to end it now. */
  overlapMinutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 7 * 24 * 60 })),
})

/** One text as GitHub's secret scanning reports it; whence it comes is not looked at. */
const Found = closed({
  token: Type.String({ maxLength: 512 }),
  type: Type.Optional(Type.String({ maxLength: 128 })),
  url: Type.Optional(Type.String({ maxLength: 2_048 })),
  source: Type.Optional(Type.String({ maxLength: 128 })),
})

/** What whoever found tokens sends, without being anybody: a list of texts, or the batch of a scanner. */
export const TokenReport = Type.Union([
  closed({ tokens: Type.Array(Type.String({ maxLength: 512 }), { minItems: 1, maxItems: 100 }) }),
  Type.Array(Found, { minItems: 1, maxItems: 100 }),
])
export type TokenReport = Type.Static<typeof TokenReport>

export const TOKEN_REPORTS_PATH = '/api/v1/token-reports'

const TOKENS = '/api/v1/organisations/{organisation}/tokens' as const
const TOKEN = `${TOKENS}/{name}` as const

export const tokenOperations = {
  list: operation({
    id: 'token.list',
    method: 'GET',
    path: TOKENS,
    summary: 'Lists the tokens of machines of an organisation',
    action: 'token:read',
    on: 'organisation',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Token', Token) },
  }),
  show: operation({
    id: 'token.show',
    method: 'GET',
    path: TOKEN,
    summary: 'Shows a token of a machine, without its text',
    action: 'token:read',
    on: 'organisation',
    answer: { kind: 'json', schema: Token },
  }),
  create: operation({
    id: 'token.create',
    method: 'POST',
    path: TOKENS,
    summary: 'Makes a token for a machine, or a canary, and shows its text this once',
    action: 'token:write',
    on: 'organisation',
    body: TokenDraft,
    disclosesSecret: true,
    answer: { kind: 'json', status: 201, schema: MadeToken },
  }),
  rotate: operation({
    id: 'token.rotate',
    method: 'POST',
    path: `${TOKEN}/rotate`,
    summary: 'Gives a token a new text beside the former one, and shows it this once',
    action: 'token:write',
    on: 'organisation',
    body: TokenRotation,
    disclosesSecret: true,
    answer: { kind: 'json', schema: MadeToken },
  }),
  retire: operation({
    id: 'token.retire',
    method: 'POST',
    path: `${TOKEN}/retire`,
    summary: 'Ends the former text of a rotation before its time',
    action: 'token:write',
    on: 'organisation',
    answer: { kind: 'json', schema: Token },
  }),
  revoke: operation({
    id: 'token.revoke',
    method: 'DELETE',
    path: TOKEN,
    summary: 'Revokes a token at once; streams that it opened end',
    action: 'token:write',
    on: 'organisation',
    answer: { kind: 'none' },
  }),
}
