/** Queries over twins. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { anyObject, shape } from './shape.ts'

/** A query over twins, in the language of IoT Hub; the same text again with each continuation. */
export const QueryRequest = shape('QueryRequest', {
  query: Type.String({ minLength: 1, maxLength: 65_536 }),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  continuation: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
})
export type QueryRequest = Type.Static<typeof QueryRequest>

/** A page may be short or empty and not the last: that is the one without a continuation. */
export const QueryPage = shape('QueryPage', {
  items: Type.Array(anyObject),
  continuation: Type.Optional(Type.String()),
})
export type QueryPage = Type.Static<typeof QueryPage>

export const queryOperations = {
  run: operation({
    id: 'query.run',
    method: 'POST',
    path: '/api/v1/query',
    summary: 'Asks a query over twins',
    action: 'device:read',
    on: 'devices',
    body: QueryRequest,
    answer: { kind: 'json', schema: QueryPage },
  }),
}
