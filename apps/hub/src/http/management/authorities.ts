/** Customers' certificate authorities. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { Authority } from '@holdfast/identity'
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { cutOff } from './changed.ts'
import { onePage } from './page.ts'
import { type Route, serve } from './route.ts'

const { authority } = OPERATIONS

export const AUTHORITY_ROUTES: readonly Route[] = [
  serve(authority.list, async ({ services, query }) =>
    onePage(query, services.authorities.list(), ({ name }) => name, authorityJson),
  ),
  serve(authority.create, async ({ services, body: { name, certificate }, actor }) =>
    authorityJson(await services.authorities.add(name, certificate, actorName(actor))),
  ),
  serve(authority.show, async ({ services, path }) => {
    const found = services.authorities.read(path.name)
    if (found !== undefined) return authorityJson(found)
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'there is no authority of this name',
      detail: 'list the authorities for those that exist',
    })
  }),
  serve(authority.verify, async ({ services, path, body: { certificate }, actor }) =>
    authorityJson(await services.authorities.verify(path.name, certificate, actorName(actor))),
  ),
  serve(authority.delete, async (call) => {
    const { cuts } = await call.services.authorities.remove(call.path.name, actorName(call.actor))
    return cutOff(call, cuts)
  }),
]

function authorityJson({ name, parsed, thumbprint, state }: Authority): Api.Authority {
  return {
    name,
    subject: parsed.subjectName,
    sha256: thumbprint,
    notAfter: formatTimestamp(parsed.notAfter),
    state: state.kind,
    ...(state.kind === 'pending' ? { nonce: state.nonce } : {}),
  }
}
