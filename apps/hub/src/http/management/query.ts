/** Queries over twins for the command line: the language and the pages of `POST /devices/query`. */

import { OPERATIONS } from '@holdfast/api'
import { parseQuery, type Query, QueryError } from '@holdfast/iothub'
import { Problem } from '../../core/problem.ts'
import { type Asked, type Route, serve } from './route.ts'
import { PAGE_ITEMS } from './page.ts'

export const QUERY_ROUTES: readonly Route[] = [serve(OPERATIONS.query.run, runQuery)]

async function runQuery({ services, body, reach }: Asked<typeof OPERATIONS.query.run>): Promise<Response> {
  const { query: text, limit = PAGE_ITEMS, continuation } = body
  const outcome = await services.queries.queryTwins({
    query: parsed(text),
    text,
    limit,
    ...(reach.within === undefined ? {} : { within: reach.within }),
    ...(continuation === undefined ? {} : { continuation }),
  })
  switch (outcome.kind) {
    case 'page': {
      const next = outcome.continuation === undefined ? '' : `,"continuation":${JSON.stringify(outcome.continuation)}`
      return new Response(`{"items":[${outcome.items.join(',')}]${next}}`, {
        headers: { 'content-type': 'application/json' },
      })
    }
    case 'bad-continuation':
      throw badQuery('the continuation is not one of this query', 'begin again without it')
    case 'too-many-groups':
      throw badQuery('the query makes more groups than may be held', 'group by something coarser')
  }
}

function parsed(text: string): Query {
  try {
    return parseQuery(text)
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    const { line, column } = error.position
    throw badQuery(
      `the query is wrong at line ${line}, column ${column}`,
      `found ${error.found}, expected ${error.expected}`,
    )
  }
}

function badQuery(title: string, detail: string): Problem {
  return new Problem({ status: 400, code: 'bad-query', title, detail })
}
