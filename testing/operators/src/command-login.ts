/** `holdfast login`, confirmed in a browser by somebody who is signed in there. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Person } from './browser.ts'
import type { PeopleHub } from './people-hub.ts'

const MAIN = join(import.meta.dirname, '../../../apps/cli/src/main.ts')

export interface StartedLogin {
  readonly code: Promise<string>
  readonly exit: Promise<number | null>
}

/** @param home where the session is kept. */
export function startLogin(hub: PeopleHub, home = hub.folder): StartedLogin {
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: join(home, '.config') }
  const args = [MAIN, 'login', '--url', hub.origin, '--ca', hub.caFile]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  const code = new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const found = /the code ([A-Z]{4}-[A-Z]{4})/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('close', () => reject(new Error(`the login ended: ${said}`)))
  })
  return { code, exit: new Promise((resolve) => child.once('close', resolve)) }
}

/** The whole of it; resolves with the exit code of the command. */
export async function login(hub: PeopleHub, person: Person, home = hub.folder): Promise<number | null> {
  const { code, exit } = startLogin(hub, home)
  await person.page.goto('about:blank')
  await person.page.goto(`${hub.origin}/session#${await code}`)
  await person.page.getByRole('button', { name: 'Look it up' }).click()
  await person.page.locator('#login-agent', { hasText: 'holdfast on' }).waitFor()
  await person.page.getByRole('button', { name: 'Confirm with your passkey' }).click()
  await person.page.getByRole('status').filter({ hasText: 'Confirmed' }).waitFor()
  return exit
}
