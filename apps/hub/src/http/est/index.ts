/** Enrolment over Secure Transport (RFC 7030) on the HTTPS port: devices get and renew certificates of the hub's authority. */

import { encodeCsrAttributes, type EstPath, isEstPath, parseEstPath } from '@holdfast/credentials'
import { Hono } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { guard } from '../guard.ts'
import { Problem } from '../../core/problem.ts'
import { attributes, certificates, refusalText } from './answer.ts'
import { enrol, provedBy } from './enrolment.ts'
import { problemOf } from './refusals.ts'
import type { EstServices } from './services.ts'

export { isEstPath }
export type { EstServices } from './services.ts'

/** To be handed its requests by `fetch`, as the guard asks. */
export function estRoutes(services: EstServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  const { failed, events, clock } = services
  guard(app, { failed, events, clock, explain: problemOf, refuse: ({ facts }) => refusalText(facts) })
  app.all('*', async (context, next) => {
    const path = parseEstPath(new URL(context.req.url).pathname)
    if (path === undefined) return next()
    const isQuestion = path.operation === 'cacerts' || path.operation === 'csrattrs'
    const method = isQuestion ? 'GET' : 'POST'
    if (context.req.method !== method) throw methodNotAllowed(method)
    // Neither asks who wants to know (RFC 7030 §4.1.1, §4.5.1): what they tell is no secret.
    if (path.operation === 'csrattrs') return attributes(encodeCsrAttributes(profileOf(services, path)))
    if (path.operation === 'cacerts') {
      const answer = certificates(authorities(services))
      // While authorities roll over it is of interest who has been given the new root.
      const key = services.issuer.rollover === undefined ? undefined : await provedBy({ context, services, path })
      if (key !== undefined) services.rootsFetched(key)
      return answer
    }
    return enrol({ context, services, path })
  })
  return app
}

/** Every root that devices are to trust, what issues below them, and how one root vouches for the next (RFC 4210 §4.4). */
function authorities({ issuer }: EstServices): readonly Uint8Array[] {
  return [...issuer.roots, ...issuer.crossCertificates, ...issuer.issuers].map(({ der }) => der)
}

function profileOf({ credentials: { profiles } }: EstServices, { label }: EstPath) {
  if (label === undefined) return profiles.orDefault('')
  const profile = profiles.read(label)
  if (profile?.isOpen === true) return profile
  const detail = 'leave the label out, or ask the operator for the name of an open profile'
  throw new Problem({ status: 404, code: 'no-such-address', title: 'nothing is served at this address', detail })
}

function methodNotAllowed(allow: string): Problem {
  const title = 'this method is not served'
  return new Problem({ status: 405, code: 'method-not-allowed', title, detail: `use ${allow}`, headers: { allow } })
}
