/** The hub itself: its status, its data keys and its certificate. */

import { Problem } from '../problem.ts'
import { readQuery } from '../query.ts'
import { actorName, OWNER } from './actor.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const KEYS = '/api/v1/keys'

export const HUB_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/v1/status', rights: ['RegistryRead'], answer: status },
  { method: 'GET', path: KEYS, rights: OWNER, answer: listKeys },
  { method: 'POST', path: `${KEYS}/rotate`, rights: OWNER, answer: rotateKey },
  { method: 'DELETE', path: `${KEYS}/:epoch`, rights: OWNER, answer: dropKey },
  { method: 'POST', path: '/api/v1/certificate/renew', rights: OWNER, answer: renewCertificate },
]

async function status({ context, services }: Call): Promise<Response> {
  readQuery(context, {})
  const { caFile, ...status } = await services.status()
  // A path means nothing elsewhere, and tells of the machine.
  return json(context.env.peer.transport === 'local' && caFile !== undefined ? { ...status, caFile } : status)
}

async function listKeys({ context, services }: Call): Promise<Response> {
  const keys = await services.keys.list()
  // Names of one length, so that their order is that of the numbers.
  return json(
    onePage(
      context,
      keys,
      ({ epoch, purpose }) => `${purpose}.${String(epoch).padStart(10, '0')}`,
      (key) => key,
    ),
  )
}

async function rotateKey({ services, actor }: Call): Promise<Response> {
  return json(await services.keys.rotate(actorName(actor)))
}

async function renewCertificate({ services, actor }: Call): Promise<Response> {
  return json(await services.renewCertificate(actorName(actor)))
}

async function dropKey(call: Call): Promise<Response> {
  const epoch = parameter(call, 'epoch')
  if (!/^(?:0|[1-9][0-9]{0,9})$/.test(epoch)) {
    throw new Problem({
      status: 404,
      code: 'unknown-epoch',
      title: 'there is no key of this epoch',
      detail: 'list the keys for those that exist',
    })
  }
  return json(await call.services.keys.drop(Number(epoch), actorName(call.actor)))
}
