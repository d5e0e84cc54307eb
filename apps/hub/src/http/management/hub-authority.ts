/** The hub's own certificate authority: its roots, their use, and the roll-over from one to the next. */

import { Api } from '@holdfast/api'
import { AuthorityError, type AuthorityErrorCode } from '../../core/authority/errors.ts'
import type { BroughtRoot } from '../../core/hub-authority.ts'
import { ACTIVE_DAYS } from '../../trust/authority/authority-service.ts'
import { readJson } from '../json-body.ts'
import { Problem, type ProblemFacts } from '../problem.ts'
import { readQuery, wholeNumber } from '../query.ts'
import { actorName, OWNER } from './actor.ts'
import { type Call, json, type Route } from './route.ts'

const PATH = '/api/v1/hub-authority'
const DAYS_MAX = 3_650

export const HUB_AUTHORITY_ROUTES: readonly Route[] = [
  { method: 'GET', path: PATH, rights: OWNER, answer: show },
  { method: 'POST', path: `${PATH}/root/export`, rights: OWNER, answer: told(exportRoot) },
  { method: 'POST', path: `${PATH}/root/verify`, rights: OWNER, answer: told(verifyRoot) },
  { method: 'POST', path: `${PATH}/root/remove`, rights: OWNER, answer: told(removeRoot) },
  { method: 'POST', path: `${PATH}/root/use`, rights: OWNER, answer: told(useRoot) },
  { method: 'GET', path: `${PATH}/rollover`, rights: OWNER, answer: told(progress) },
  { method: 'POST', path: `${PATH}/rollover/begin`, rights: OWNER, answer: told(begin) },
  { method: 'POST', path: `${PATH}/rollover/switch`, rights: OWNER, answer: told(switchTo) },
  { method: 'POST', path: `${PATH}/rollover/back`, rights: OWNER, answer: told(back) },
  { method: 'POST', path: `${PATH}/rollover/finish`, rights: OWNER, answer: told(finish) },
]

async function show({ context, services }: Call): Promise<Response> {
  readQuery(context, {})
  return json(services.hubAuthority.show())
}

async function exportRoot(call: Call): Promise<Response> {
  requireLocal(call)
  const { secret, generation } = await readJson(call.context, Api.RootExport)
  return withSecret(secret, (passphrase) =>
    call.services.hubAuthority.exportRoot(passphrase, generation, actorName(call.actor)),
  )
}

async function verifyRoot(call: Call): Promise<Response> {
  requireLocal(call)
  return withBrought(await readJson(call.context, Api.RootBrought), (brought) =>
    call.services.hubAuthority.verifyRoot(brought),
  )
}

async function removeRoot(call: Call): Promise<Response> {
  requireLocal(call)
  return withBrought(await readJson(call.context, Api.RootBrought), (brought) =>
    call.services.hubAuthority.removeRoot(brought, actorName(call.actor)),
  )
}

async function useRoot(call: Call): Promise<Response> {
  requireLocal(call)
  const { bundle, secret, revoke = false } = await readJson(call.context, Api.RootUse)
  const { hubAuthority } = call.services
  const actor = actorName(call.actor)
  if (bundle === undefined || secret === undefined) {
    return json(await hubAuthority.useRoot({ revokes: revoke }, actor))
  }
  return withBrought({ bundle, secret }, (brought) => hubAuthority.useRoot({ brought, revokes: revoke }, actor))
}

async function progress({ context, services }: Call): Promise<Response> {
  const { days } = readQuery(context, { days: wholeNumber(1, DAYS_MAX) })
  return json(await services.hubAuthority.progress(days ?? ACTIVE_DAYS))
}

async function begin(call: Call): Promise<Response> {
  requireLocal(call)
  const { secret, old } = await readJson(call.context, Api.RolloverBegin)
  const passphrase = secret === undefined ? undefined : Buffer.from(secret, 'base64')
  const brought = old && broughtOf(old)
  try {
    const options = { passphrase, ...(brought === undefined ? {} : { old: brought }) }
    return json(await call.services.hubAuthority.begin(options, actorName(call.actor)))
  } finally {
    passphrase?.fill(0)
    brought?.passphrase.fill(0)
  }
}

async function switchTo(call: Call): Promise<Response> {
  const { serving } = await readJson(call.context, Api.RolloverSwitch)
  return json(await call.services.hubAuthority.switch(serving, actorName(call.actor)))
}

async function back({ services, actor }: Call): Promise<Response> {
  return json(await services.hubAuthority.back(actorName(actor)))
}

async function finish(call: Call): Promise<Response> {
  const options = await readJson(call.context, Api.RolloverFinish)
  return json(await call.services.hubAuthority.finish(options, actorName(call.actor)))
}

/** A passphrase leaves the machine on no wire, however well that is protected. */
function requireLocal({ context }: Call): void {
  if (context.env.peer.transport === 'local') return
  throw new Problem({
    status: 403,
    code: 'local-only',
    title: "the root's key is dealt with on the machine of the hub alone",
    detail: 'run the command there, as the user of the hub',
  })
}

async function withSecret(secret: string, use: (passphrase: Uint8Array) => Promise<object>): Promise<Response> {
  const passphrase = Buffer.from(secret, 'base64')
  try {
    return json(await use(passphrase))
  } finally {
    passphrase.fill(0)
  }
}

async function withBrought(asked: Api.RootBrought, use: (brought: BroughtRoot) => Promise<object>): Promise<Response> {
  const brought = broughtOf(asked)
  try {
    return json(await use(brought))
  } finally {
    brought.passphrase.fill(0)
  }
}

function broughtOf({ bundle, secret }: Api.RootBrought): BroughtRoot {
  return { bundle, passphrase: Buffer.from(secret, 'base64') }
}

const STATUSES: Readonly<Record<AuthorityErrorCode, ProblemFacts['status']>> = {
  'root-key-away': 409,
  'wrong-passphrase': 400,
  'wrong-bundle': 400,
  'bad-passphrase': 400,
  'rollover-under-way': 409,
  'no-rollover': 409,
  'too-many-authorities': 409,
  'not-all-moved': 409,
  'not-switched': 409,
}

/** Refusals of the authority as problems, and as events: who tries passphrases is seen. */
function told(answer: (call: Call) => Promise<Response>): (call: Call) => Promise<Response> {
  return async (call) => {
    try {
      return await answer(call)
    } catch (error) {
      if (!(error instanceof AuthorityError)) throw error
      const { code, message } = error
      if (call.context.req.method !== 'GET')
        call.services.events.sink({
          type: 'hub-authority.refused',
          at: call.services.clock.wall(),
          subject: 'hub',
          actor: actorName(call.actor),
          detail: { reason: code },
        })
      const facts = { status: STATUSES[code], code, title: 'the authority of the hub is as it was', detail: message }
      throw new Problem(facts, { cause: error })
    }
  }
}
