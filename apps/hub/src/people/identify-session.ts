/**
 * Who asks, from a browser's cookie or a program's token. A cookie comes with whatever a browser sends, so what it may
 * do depends on the page that sent it: anything but a page of the hub's own is refused (CSRF). SameSite=Strict alone does
 * not do: a page on another port of the same host is of the same site.
 */

import { readSessionCookie, type StandingOfSession } from '@holdfast/operators'
import { nameSession } from '../core/act-context.ts'
import type { PersonCaller } from './actor.ts'
import type { Identified, Shown } from './identification.ts'
import type { PeopleOffice } from './people-office.ts'

/** What the policy of workstations leaves a session. */
export type Posture = PersonCaller['posture']

export class SessionIdentification {
  readonly #office: PeopleOffice
  /** What each session that came was allowed last, so that a change is told once; goes with the session. */
  readonly #postures = new WeakMap<AbortSignal, Posture>()

  constructor(office: PeopleOffice) {
    this.#office = office
  }

  async identify({ method, bearer, cookie, headers, address }: Shown): Promise<Identified<PersonCaller>> {
    const isProgram = bearer !== undefined
    const token = bearer ?? (cookie === undefined ? undefined : readSessionCookie(cookie))
    if (token === undefined) return { kind: 'denied', code: 'no-credential' }
    if (!isProgram && !isOwnPage(method, headers, this.#office.origins)) {
      const { events, clock } = this.#office
      const detail = { method: METHODS.has(method) ? method : 'other', address }
      events({
        type: 'operator.foreign-page-refused',
        at: clock.wall(),
        subject: 'hub',
        actor: `address/${address}`,
        detail,
      })
      return { kind: 'denied', code: 'foreign-page' }
    }
    const found = this.#office.sessions.identify(token, isProgram ? 'command-line' : 'browser')
    if (found === undefined) return { kind: 'denied', code: 'session-over' }
    const { session, operator } = found
    nameSession(session.id)
    const ended = this.#office.endOf(session)
    const standing = this.#office.workstations.standingOf(session)
    const posture = this.postureOf(standing)
    this.#tell(ended, session.id, `operator/${operator.name}`, posture, standing)
    return {
      kind: 'caller',
      caller: {
        kind: 'person',
        // Names are given once and never again, and they are what people know each other by in the log.
        id: operator.name,
        name: operator.name,
        organisation: operator.organisation,
        session: { id: session.id, until: session.expires, ended },
        presenceAt: session.presenceTime,
        posture,
      },
    }
  }

  postureOf(standing: StandingOfSession): Posture {
    if (standing.kind === 'green') return 'full'
    return this.#office.workstations.policy.mode === 'refuse' ? 'none' : 'read-only'
  }

  #tell(ended: AbortSignal, session: string, actor: string, posture: Posture, standing: StandingOfSession): void {
    const before = this.#postures.get(ended) ?? 'full'
    this.#postures.set(ended, posture)
    if (before === posture) return
    const [reason, lacking] = standing.kind === 'green' ? ['green', []] : [standing.reason, standing.lacking]
    this.#office.events({
      type: 'session.posture',
      at: this.#office.clock.wall(),
      subject: actor,
      actor: 'hub',
      detail: { session, allows: posture, reason, lacking: lacking.join(' ') },
    })
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Set by the hub's own pages with all that they ask. */
export const PAGE_HEADER = 'holdfast-page'

/**
 * Whether a request with a cookie is the hub's own page's: by `Origin`, which browsers send with all that may change
 * something, and by `Sec-Fetch-Site` (Fetch Metadata) with the rest. What changes something bears a header besides that
 * only scripts can set, and those of other origins only if the hub allowed it, which it never does (there is no CORS).
 */
export function isOwnPage(method: string, headers: Headers, origins: readonly string[]): boolean {
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  if (origin !== null && !origins.includes(origin)) return false
  // `none`: typed, or opened from a bookmark.
  if (site !== null && site !== 'same-origin' && !(site === 'none' && method === 'GET')) return false
  return method === 'GET' || (origin !== null && headers.get(PAGE_HEADER) === '1')
}
