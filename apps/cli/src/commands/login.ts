/** `holdfast login`, `logout`, `whoami`: a person at the command line. */

import type { SignInApi } from '@holdfast/api'
import type { Command } from 'commander'
import { hostname } from 'node:os'
import { leaf, type Session, type World } from '../command.ts'
import { Failure } from '../failure.ts'
import { remoteOf } from '../people/hub-origin.ts'
import { keepSession } from '../people/kept-sessions.ts'
import { readWorkstation, signStatement } from '../people/kept-workstation.ts'
import { readPosture } from '../people/posture.ts'

/** How often the hub is asked whether the login was confirmed, in milliseconds. */
const POLL_MS = 2_000

export function addLogin(program: Command, world: World): void {
  leaf<[], object>(program, world, {
    usage: 'login',
    summary: 'sign in as yourself: you confirm it in a browser, with your passkey',
    example: 'holdfast login --url https://hub.example',
    notes:
      'The session is kept in ~/.config/holdfast, for you alone; with --json it is printed instead and kept nowhere.',
    isAnonymous: true,
    async run(session) {
      const { hub, print } = session
      const { url, authorities } = remoteOf(hub.address)
      const answer = await confirmed(session)
      if (answer.state !== 'signed-in')
        throw new Failure('the hub answered with no session; try again', { code: 'garbled' })
      const { token, operator, expires } = answer
      if (!print.isJson) {
        const ca = authorities === undefined ? {} : { ca: authorities }
        keepSession(session.world.environment, url.origin, { token, operator, expires, ...ca })
      }
      await print.result({ operator, token, expires }, [`signed in as ${operator} until ${expires}`])
    },
  })

  leaf<[], object>(program, world, {
    usage: 'logout',
    summary: 'end your session, and forget it here',
    example: 'holdfast logout --url https://hub.example',
    async run({ hub, print, world: { environment } }) {
      const { url } = remoteOf(hub.address)
      try {
        await hub.session.end()
      } catch (error) {
        // A session that is over is what was asked for.
        if (!(error instanceof Failure) || error.code !== 'not-authorized') throw error
      } finally {
        keepSession(environment, url.origin, undefined)
      }
      await print.result({ signedOut: url.origin }, [`signed out of ${url.origin}`])
    },
  })

  leaf<[], object>(program, world, {
    usage: 'whoami',
    summary: 'show who you are to the hub, and what your session may do',
    example: 'holdfast whoami --url https://hub.example',
    async run({ hub, print }) {
      if (hub.address.kind === 'local') {
        await print.result({ operator: 'local' }, [
          'you are the machine of the hub (operator/local), through its data folder',
        ])
        return
      }
      const own = await hub.session.show()
      await print.result(own, [
        `${own.operator} of ${own.organisation}, until ${own.expires}`,
        `may do: ${own.allows === 'all' ? 'what the roles allow' : own.allows}${own.because === undefined ? '' : ` (${own.because})`}`,
        `present until ${own.presentUntil}`,
      ])
    },
  })
}

/** Shows a code, and waits until it was confirmed in a browser. */
export async function confirmed(
  session: Session,
): Promise<Exclude<SignInApi.LoginFetched, { state: 'pending' | 'denied' }>> {
  const { hub, world } = session
  const agent = `holdfast on ${hostname()}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 160)
  const begun = await hub.outside.send<SignInApi.LoginBegun>('POST', '/login/begin', { agent })
  await vouch(session, begun)
  world.stderr.write(
    `Open ${begun.page}#${begun.code}\nand confirm there the code ${begun.code}, within ${begun.seconds / 60} minutes.\n`,
  )
  for (let left = begun.seconds * 1_000; left > 0; left -= POLL_MS) {
    const answer = await hub.outside.send<SignInApi.LoginFetched>('POST', '/login/fetch', { secret: begun.secret })
    if (answer.state === 'denied') {
      throw new Failure('the login was refused in the browser; begin again if that was a mistake', { code: 'denied' })
    }
    if (answer.state !== 'pending') return answer
    await pause(POLL_MS, world.interrupted)
  }
  throw new Failure('nobody confirmed the login in time; begin again', { code: 'expired' })
}

/** An enrolled workstation vouches for what is begun on it, whether the policy asks for that or not. */
async function vouch({ hub, world }: Session, { id, nonce, secret }: SignInApi.LoginBegun): Promise<void> {
  const { url } = remoteOf(hub.address)
  const workstation = readWorkstation(world.environment, url.origin)
  if (workstation === undefined) return
  const now = world.now()
  const report = await readPosture(now)
  const facts = { purpose: 'login', hub: url.hostname, subject: id, nonce, report, now } as const
  try {
    await hub.outside.send('POST', '/login/vouch', { secret, ...signStatement(workstation, facts) })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    world.stderr.write(`This workstation does not vouch for the login: ${error.message}\n`)
  }
}

function pause(milliseconds: number, interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    interrupted.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        reject(new Failure('interrupted; the login was not finished', { code: 'interrupted' }))
      },
      { once: true },
    )
  })
}
