/** The pages of people, and what is asked before anybody is known (`protocol/api/src/sign-in.ts`). */

import { SignInApi } from '@holdfast/api'
import { addressBlock, LruMap, TokenBucket } from '@holdfast/base'
import { sessionCookie } from '@holdfast/operators'
import type { WebApplication } from '@holdfast/node'
import { type Context, Hono } from 'hono'
import type { Static, TSchema } from 'typebox'
import type { HttpEnvironment } from '../environment.ts'
import { guard, type GuardOptions } from '../guard.ts'
import { readJson } from '../json-body.ts'
import { json } from '../management/route.ts'
import { Problem } from '../../core/problem.ts'
import { explain } from '../management/refusals.ts'
import { readQuery } from '../query.ts'
import { beginLogin, fetchLogin, vouchLogin } from './login-routes.ts'
import type { PublicQuestion } from './public-question.ts'
import { PAGE_HEADERS, readPages } from './page-files.ts'
import type { PeopleOffice } from '../../people/people-office.ts'
import { explainPeople } from '../../people/refusals.ts'
import { beginVouch, finishVouch, report } from './workstation-routes.ts'

export interface PeopleServices extends Pick<GuardOptions, 'failed' | 'events'> {
  readonly clock: NonNullable<GuardOptions['clock']>
  readonly office: PeopleOffice
}

const PATHS = /^\/(?:$|(?:enrol|sign-in|session|people|login|workstation)(?:\/|$))/

/** Questions of one network address: a page asks three, a program that waits to be confirmed one every two seconds. */
const QUESTIONS = { perSecond: 4, burst: 60 } as const
const ADDRESSES_MAX = 4_096

export function isPeoplePath(path: string): boolean {
  return PATHS.test(path)
}

export function peopleRoutes(services: PeopleServices): WebApplication {
  const app = new Hono<HttpEnvironment>()
  guard(app, { ...services, explain: (error) => explainPeople(error) ?? explain(error) })
  const { office, clock } = services
  const pages = readPages()
  const askers = new LruMap<string, TokenBucket>(ADDRESSES_MAX)

  for (const [path, { type, bytes }] of pages) {
    app.get(path, async (context) => {
      readQuery(context, {})
      return new Response(bytes, { headers: { 'content-type': type, [PAGE]: 'page' } })
    })
  }
  app.get('/', async () => new Response(null, { status: 303, headers: { location: '/session' } }))

  const post = <S extends TSchema>(
    path: string,
    schema: S,
    answer: (asked: PublicQuestion<Static<S>>) => Promise<object>,
  ): void => {
    app.post(path, async (context) => {
      readQuery(context, {})
      demandOwnPage(context, office)
      const { address } = context.env.peer
      const block = addressBlock(address)
      const bucket = askers.get(block) ?? new TokenBucket(clock.monotonic(), QUESTIONS)
      askers.set(block, bucket)
      if (!bucket.take(clock.monotonic())) throw tooFast()
      const answered = await answer({
        body: await readJson(context, schema),
        address,
        headers: context.req.raw.headers,
      })
      return answered instanceof Response ? answered : json(answered)
    })
  }

  post('/enrol/look', SignInApi.LinkLook, async ({ body }) => office.enrolment.look(body.secret))
  post('/enrol/begin', SignInApi.EnrolBegin, async ({ body, address }) => office.enrolment.begin(body, address))
  post('/enrol/finish', SignInApi.EnrolFinish, async ({ body, address, headers }) => {
    const { ceremony, answer, keyName } = body
    const { operator, proof, isNew } = await office.enrolment.finish(ceremony, answer, keyName, address)
    if (isNew) await office.assignRoles(operator)
    return signedIn(office, proof, { address, headers })
  })
  post('/sign-in/begin', SignInApi.Empty, async ({ address }) => office.passkeys.offer({ kind: 'sign-in' }, address))
  post('/sign-in/finish', SignInApi.SignInFinish, async ({ body, address, headers }) => {
    const ceremony = office.ceremonies.take(body.ceremony, 'sign-in', clock.monotonic())
    return signedIn(office, await office.passkeys.prove(ceremony, body.answer, address), { address, headers })
  })
  post('/login/begin', SignInApi.LoginBegin, async (asked) => beginLogin(office, asked))
  post('/login/vouch', SignInApi.LoginVouch, async (asked) => vouchLogin(office, asked))
  post('/login/fetch', SignInApi.LoginFetch, async (asked) => fetchLogin(office, asked))
  post('/workstation/report', SignInApi.PostureReported, async (asked) => report(office, asked))
  post('/workstation/vouch/begin', SignInApi.VouchBegin, async (asked) => beginVouch(office, asked))
  post('/workstation/vouch', SignInApi.VouchFinish, async (asked) => finishVouch(office, asked))

  return {
    async fetch(request, bindings) {
      const response = await app.fetch(request, bindings)
      if (response.headers.get(PAGE) === null) return response
      response.headers.delete(PAGE)
      for (const [name, value] of Object.entries(PAGE_HEADERS)) response.headers.set(name, value)
      return response
    },
  }
}

/** Tells past the guard that an answer is a page; never leaves the hub. */
const PAGE = 'x-page'

async function signedIn(
  office: PeopleOffice,
  proof: Parameters<PeopleOffice['sessions']['open']>[0],
  { address, headers }: { readonly address: string; readonly headers: Headers },
): Promise<Response> {
  const agent = headers.get('user-agent') ?? 'unknown'
  const { token, session } = await office.sessions.open(proof, { kind: 'browser', agent, address })
  const name = office.roll.get('operator', session.operatorId)?.name
  const cookie = sessionCookie(token, office.sessions.limits.lifeMs)
  return json({ operator: name }, 200, { 'set-cookie': cookie })
}

/** No page but ours signs anybody in or uses their link; programs send no origin. */
function demandOwnPage(context: Context<HttpEnvironment>, office: PeopleOffice): void {
  const origin = context.req.header('origin')
  if (origin === undefined || office.origins.includes(origin)) return
  throw new Problem({
    status: 403,
    code: 'foreign-page',
    title: 'the request was sent by a page that is not of this hub',
    detail: `open ${office.origins[0]}`,
  })
}

function tooFast(): Problem {
  return new Problem({
    status: 429,
    code: 'throttled',
    title: 'more is asked from your address than may be',
    detail: 'wait some seconds, then try again',
    headers: { 'retry-after': '5' },
  })
}
