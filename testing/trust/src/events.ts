/** What the hub tells of what happened, asked for with curl over the socket in its data folder. */

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface HubEvent {
  readonly type: string
  readonly subject: string
  readonly actor: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** The newest thousand, oldest first. */
export function eventsOf(data: string): readonly HubEvent[] {
  const socket = ['--unix-socket', join(data, 'hub.sock')]
  const text = execFileSync('curl', ['--silent', '--fail', ...socket, 'http://localhost/api/v1/events?limit=1000'], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HubEvent)
}
