/** The hub's own certificate authority: its roots, their use, and the roll-over from one to the next. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { AuthorityError, type AuthorityErrorCode } from '../../core/authority/errors.ts'
import type { BroughtRoot } from '../../core/hub-authority.ts'
import { ACTIVE_DAYS } from '../../trust/authority/authority-service.ts'
import { Problem, type ProblemFacts } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { hubAuthority } = OPERATIONS

export const HUB_AUTHORITY_ROUTES: readonly Route[] = [
  serve(hubAuthority.show, async ({ services }) => services.hubAuthority.show()),
  serve(hubAuthority.exportRoot, (call) =>
    told(call, () =>
      withSecret(call.body.secret, (passphrase) =>
        call.services.hubAuthority.exportRoot(passphrase, call.body.generation, actorName(call.actor)),
      ),
    ),
  ),
  serve(hubAuthority.verifyRoot, (call) =>
    told(call, () => withBrought(call.body, (brought) => call.services.hubAuthority.verifyRoot(brought))),
  ),
  serve(hubAuthority.removeRoot, (call) =>
    told(call, () =>
      withBrought(call.body, (brought) => call.services.hubAuthority.removeRoot(brought, actorName(call.actor))),
    ),
  ),
  serve(hubAuthority.useRoot, (call) => told(call, () => useRoot(call))),
  serve(hubAuthority.progress, (call) =>
    told(call, () => call.services.hubAuthority.progress(call.query.days ?? ACTIVE_DAYS)),
  ),
  serve(hubAuthority.beginRollover, (call) => told(call, () => begin(call))),
  serve(hubAuthority.switchRollover, (call) =>
    told(call, () => call.services.hubAuthority.switch(call.body.serving, actorName(call.actor))),
  ),
  serve(hubAuthority.undoRollover, (call) => told(call, () => call.services.hubAuthority.back(actorName(call.actor)))),
  serve(hubAuthority.finishRollover, (call) =>
    told(call, () => call.services.hubAuthority.finish(call.body, actorName(call.actor))),
  ),
]

async function useRoot({ services, body, actor }: Asked<typeof hubAuthority.useRoot>) {
  const { bundle, secret, revoke = false } = body
  const by = actorName(actor)
  if (bundle === undefined || secret === undefined) return services.hubAuthority.useRoot({ revokes: revoke }, by)
  return withBrought({ bundle, secret }, (brought) => services.hubAuthority.useRoot({ brought, revokes: revoke }, by))
}

async function begin({ services, body: { secret, old }, actor }: Asked<typeof hubAuthority.beginRollover>) {
  const passphrase = secret === undefined ? undefined : Buffer.from(secret, 'base64')
  const brought = old && broughtOf(old)
  try {
    const options = { passphrase, ...(brought === undefined ? {} : { old: brought }) }
    return await services.hubAuthority.begin(options, actorName(actor))
  } finally {
    passphrase?.fill(0)
    brought?.passphrase.fill(0)
  }
}

async function withSecret<T>(secret: string, use: (passphrase: Uint8Array) => Promise<T>): Promise<T> {
  const passphrase = Buffer.from(secret, 'base64')
  try {
    return await use(passphrase)
  } finally {
    passphrase.fill(0)
  }
}

async function withBrought<T>(asked: Api.RootBrought, use: (brought: BroughtRoot) => Promise<T>): Promise<T> {
  const brought = broughtOf(asked)
  try {
    return await use(brought)
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
async function told<T>({ context, services, actor }: Call, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof AuthorityError)) throw error
    const { code, message } = error
    if (context.req.method !== 'GET')
      services.events.sink({
        type: 'hub-authority.refused',
        at: services.clock.wall(),
        subject: 'hub',
        actor: actorName(actor),
        detail: { reason: code },
      })
    const facts = { status: STATUSES[code], code, title: 'the authority of the hub is as it was', detail: message }
    throw new Problem(facts, { cause: error })
  }
}
