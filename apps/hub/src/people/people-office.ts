/** Operators as the hub has them: the parts of domain/operators put together, and what ends when something of them does. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import {
  Ceremonies,
  CodeBook,
  Enrolment,
  type Link,
  Links,
  Logins,
  type MadeLink,
  type Membership,
  type Operator,
  type PasskeyVerifier,
  type PeopleStore,
  People,
  Passkeys,
  type RandomBytes,
  Proposals,
  Recoveries,
  Roll,
  type SessionLimits,
  Sessions,
  type SessionRecord,
  Workstations,
} from '@holdfast/operators'

export interface PeopleOfficeParts {
  readonly store: PeopleStore
  readonly verifier: PasskeyVerifier
  readonly clock: Clock
  readonly random: RandomBytes
  /** For what anybody can cause: floods are summarised. */
  readonly events: EventSink
  readonly limits: SessionLimits
  /** The hub's own name, as workstations say it. */
  readonly hubName: string
  /** `https://host:port`, where its pages are; others that count as well follow. */
  readonly origins: readonly [string, ...string[]]
  /** Whose the hub is: where the first operator belongs. */
  readonly home: () => string
  /** Whether whoever made an invitation may give now what it gives. */
  readonly mayGive: (link: Link, maker: Operator | undefined) => boolean
  /** Somebody has come in for the first time: the roles of the invitation are given. */
  readonly assignRoles: (operator: Operator) => Promise<void>
  /** What was stored of people does not hold, and is left out. */
  readonly damaged: (what: string) => void
  /** @param notice undefined: the reason is gone. */
  readonly setNotice: (code: string, notice: { readonly detail: string; readonly advice: string } | undefined) => void
  readonly fault: (error: unknown) => void
}

/** What the first operator may do: everything, for somebody has to. */
const FIRST_ROLES: readonly string[] = ['administrator']

const ONE_OPERATOR = {
  detail: 'one operator alone can sign in: what takes the word of two people is done on the word of one',
  advice: 'invite another: holdfast operator invite NAME --role administrator',
} as const

/** A code that a workstation answers: for which session, and what it has to sign. */
export interface VouchRequest {
  readonly session: string
  readonly nonce: string
}

export class PeopleOffice {
  readonly roll: Roll
  readonly people: People
  readonly links: Links
  readonly ceremonies: Ceremonies
  readonly enrolment: Enrolment
  readonly passkeys: Passkeys
  readonly sessions: Sessions
  readonly recoveries: Recoveries
  readonly proposals: Proposals
  readonly workstations: Workstations
  readonly logins: Logins
  readonly vouching: CodeBook<VouchRequest>
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
  readonly hubName: string
  readonly #parts: PeopleOfficeParts
  readonly #ends = new Map<string, AbortController>()
  #sweeping: Promise<void> | undefined

  private constructor(parts: PeopleOfficeParts, roll: Roll) {
    const { clock, random, events, verifier, limits, hubName } = parts
    this.#parts = parts
    this.roll = roll
    this.clock = clock
    this.random = random
    this.events = events
    this.hubName = hubName
    this.links = new Links({
      roll,
      clock,
      random,
      mayGive: (link) => parts.mayGive(link, roll.operatorNamed(link.madeBy.replace(/^operator\//, ''))),
    })
    this.ceremonies = new Ceremonies(random)
    const shared = { roll, ceremonies: this.ceremonies, verifier, clock, events }
    this.sessions = new Sessions({ roll, clock, random, limits, ended: (session) => this.#ended(session) })
    this.enrolment = new Enrolment({
      ...shared,
      links: this.links,
      random,
      keysTaken: (operatorId, actor) => this.#endOf(operatorId, 'passkey-gone', actor),
    })
    this.passkeys = new Passkeys({
      ...shared,
      keyTaken: async (passkeyId, actor) => {
        await this.sessions.end((session) => session.passkeyId === passkeyId, 'passkey-gone', actor)
      },
    })
    this.recoveries = new Recoveries({ roll, links: this.links, clock, random })
    this.proposals = new Proposals({ roll, clock, random })
    this.people = new People({
      roll,
      clock,
      verifier,
      gone: (operatorId, actor) => this.#endOf(operatorId, 'operator-gone', actor),
    })
    this.workstations = new Workstations({ roll, clock, random, hubName, events })
    this.logins = new Logins({ clock, random, events })
    this.vouching = new CodeBook(random)
  }

  static async open(parts: PeopleOfficeParts): Promise<PeopleOffice> {
    const office = new PeopleOffice(
      parts,
      await Roll.open(parts.store, ({ kind, id }) => parts.damaged(`${kind} ${id}`)),
    )
    await office.proposals.recover()
    return office
  }

  get origins(): readonly string[] {
    return this.#parts.origins
  }

  /** The roles of somebody's invitation are given: by whoever decides of roles. */
  assignRoles(operator: Operator): Promise<void> {
    return this.#parts.assignRoles(operator)
  }

  /** Whose people those are whom the machine of the hub invites. */
  get home(): string {
    return this.#parts.home()
  }

  /** Makes the link that enrols the first operator. */
  makeFirstLink(actor: string): Promise<MadeLink> {
    return this.links.makeFirst({ organisation: this.home, roles: FIRST_ROLES }, actor)
  }

  invite(name: string, { roles }: Pick<Membership, 'roles'>, organisation: string, actor: string): Promise<MadeLink> {
    return this.links.invite(name, { organisation, roles }, actor)
  }

  /** As it is opened in a browser: the secret stands behind the hash and is sent to nobody. */
  linkOf(secret: string): string {
    return `${this.#parts.origins[0]}/enrol#${secret}`
  }

  /** Where programs send people to confirm them. */
  get loginPage(): string {
    return `${this.#parts.origins[0]}/session`
  }

  /** Aborted when the session ends, for whatever goes on beyond a request. */
  endOf(session: SessionRecord): AbortSignal {
    const known = this.#ends.get(session.id)
    if (known !== undefined) return known.signal
    const end = new AbortController()
    this.#ends.set(session.id, end)
    // It may have ended between the look and this.
    if (!this.sessions.isLive(session.id)) end.abort()
    return end.signal
  }

  /** Ends what is over and writes what was used; to be called every second or so. */
  tick(): void {
    const isOneAlone = this.roll.activeOperators().length === 1
    this.#parts.setNotice('one-operator', isOneAlone ? ONE_OPERATOR : undefined)
    this.#sweeping ??= Promise.all([this.sessions.sweep(), this.proposals.sweep()])
      .then(() => undefined)
      .catch(this.#parts.fault)
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  /** Waits for what is being written. */
  async end(): Promise<void> {
    await this.#sweeping
  }

  async #endOf(operatorId: string, reason: 'passkey-gone' | 'operator-gone', actor: string): Promise<void> {
    await this.sessions.end((session) => session.operatorId === operatorId, reason, actor)
  }

  #ended({ id }: SessionRecord): void {
    this.#ends.get(id)?.abort()
    this.#ends.delete(id)
  }
}
