/** Queries over twins (azure-iot.md §8, §8.1): `POST /devices/query`, one page a request. */

import Type from 'typebox'
import { parseQuery, type Query, QUERY_PAGE_ITEMS, QUERY_PAGE_ITEMS_MAX, QueryError } from '@holdfast/iothub'
import { HubError } from './errors.ts'
import { readJson } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

export const QUERY_ROUTES: readonly HubRoute[] = [
  { method: 'POST', path: '/devices/query', rights: ['RegistryRead'], answer: runQuery },
]

/** A query of the greatest length, every character of it escaped. */
const QUERY_BODY_BYTES_MAX = 512 * 1024

const QueryBody = Type.Object({ query: Type.String() })

async function runQuery(call: HubCall): Promise<Response> {
  const { req } = call.context
  const limit = pageSize(req.header('x-ms-max-item-count'))
  const { query: text } = await readJson(call, QueryBody, QUERY_BODY_BYTES_MAX)
  const continuation = req.header('x-ms-continuation') ?? ''
  const outcome = await call.services.queries.queryTwins({
    query: parsed(text),
    text,
    limit,
    ...(continuation === '' ? {} : { continuation }),
  })
  switch (outcome.kind) {
    case 'page':
      return new Response(`[${outcome.items.join(',')}]`, {
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'x-ms-item-type': outcome.itemType,
          ...(outcome.continuation === undefined ? {} : { 'x-ms-continuation': outcome.continuation }),
        },
      })
    case 'bad-continuation':
      throw new HubError('ArgumentInvalid', 'x-ms-continuation is not of this query. Begin again without it.')
    case 'too-many-groups':
      throw new HubError('ArgumentInvalid', 'The query makes more groups than may be held. Group by something coarser.')
  }
}

function parsed(text: string): Query {
  try {
    return parseQuery(text)
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    throw new HubError('ArgumentInvalid', `The query is wrong at ${error.message}.`, { cause: error })
  }
}

/** Larger ones are cut, as by Azure; absent and 0 are the default. @throws HubError `ArgumentInvalid`. */
function pageSize(text: string | undefined): number {
  if (text === undefined) return QUERY_PAGE_ITEMS
  if (!/^[0-9]{1,9}$/.test(text)) throw new HubError('ArgumentInvalid', 'x-ms-max-item-count is a whole number.')
  return Math.min(Number(text), QUERY_PAGE_ITEMS_MAX) || QUERY_PAGE_ITEMS
}
