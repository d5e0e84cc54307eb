/** One-time links: how a person comes to a first passkey. The secret stands in the fragment, which no server is sent. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import { timestampOf } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { LINK_LIFE_MS, LINKS_MAX, OPERATORS_MAX } from './limits.ts'
import { areRoles, isOperatorName } from './operator.ts'
import type { Link } from './records.ts'
import type { Planned, Roll } from './roll.ts'
import { digestOf, isLinkSecret, makeLinkSecret, parseCode, type RandomBytes } from './secret.ts'

export interface MadeLink {
  readonly secret: string
  readonly expires: Timestamp
}

/** Whose somebody is to be, and what they are to do there. */
export interface Membership {
  readonly organisation: string
  readonly roles: readonly string[]
}

/** Wrong codes that a recovery's link bears; then it is gone. */
const CODE_TRIES = 5

export interface LinksParts {
  readonly roll: Roll
  readonly clock: Clock
  readonly random: RandomBytes
  /** Whether whoever made an invitation may give now what it gives: they may have lost the right since. */
  readonly mayGive: (link: Link) => boolean
}

export class Links {
  readonly #parts: LinksParts
  readonly #triesOf = new Map<string, number>()

  constructor(parts: LinksParts) {
    this.#parts = parts
  }

  /** Whoever has it becomes the first operator; links of this kind that were made before no longer count. */
  async makeFirst({ organisation, roles }: Membership, actor: string): Promise<MadeLink> {
    const { roll } = this.#parts
    return roll.change(() => {
      const older = [...roll.all('link')].filter(({ purpose }) => purpose === 'first')
      return this.plan({ purpose: 'first', organisation, roles }, actor, older)
    })
  }

  /**
   * For somebody who is to be known as `name`. A link for the same name that waits is replaced.
   * @throws OperatorError `invalid`, `exists`, `too-many`, `not-vouched`.
   */
  async invite(name: string, { organisation, roles }: Membership, actor: string): Promise<MadeLink> {
    const { roll } = this.#parts
    if (!isOperatorName(name)) {
      throw new OperatorError(
        'invalid',
        'a name has 1 to 64 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit',
      )
    }
    if (!areRoles(roles)) throw new OperatorError('invalid', 'a role is named by lower-case letters, digits and dashes')
    return roll.change(() => {
      roll.demandVouched(actor)
      if (roll.operatorNamed(name) !== undefined) {
        throw new OperatorError('exists', `the name ${name} is taken, or was; names are given once`)
      }
      if (roll.count('operator') >= OPERATORS_MAX)
        throw new OperatorError('too-many', `there are ${OPERATORS_MAX} operators`)
      const older = [...roll.all('link')].filter((link) => link.purpose === 'invitation' && link.name === name)
      return this.plan({ purpose: 'invitation', name, organisation, roles }, actor, older)
    })
  }

  /** The change that makes a link; for what makes one as a part of more. */
  plan(
    link: Omit<Link, 'id' | 'madeBy' | 'expires'>,
    actor: string,
    replaced: readonly Link[] = [],
  ): Planned<MadeLink> {
    const { roll, clock, random } = this.#parts
    const now = clock.wall()
    const gone = [...roll.all('link')].filter((one) => one.expires <= now || replaced.includes(one))
    if (roll.count('link') - gone.length >= LINKS_MAX)
      throw new OperatorError('too-many', `${LINKS_MAX} links wait to be used`)
    const secret = makeLinkSecret(random)
    const made: Link = { ...link, id: digestOf(secret), madeBy: actor, expires: timestampOf(now + LINK_LIFE_MS) }
    const event: SecurityEvent = {
      type: 'operator.link-made',
      at: now,
      subject: `operator/${link.name ?? 'unknown'}`,
      actor,
      detail: { purpose: link.purpose, roles: link.roles.join(' '), hours: LINK_LIFE_MS / 3_600_000 },
    }
    return {
      put: [{ kind: 'link', value: made }],
      remove: gone.map(({ id }) => ({ kind: 'link', id })),
      because: event,
      result: { secret, expires: made.expires },
    }
  }

  /**
   * The link of a secret, which stays there: it is used up when its passkey is enrolled.
   * @throws OperatorError `link-invalid`, for all reasons alike.
   */
  find(secret: string, code?: string): Link {
    const link = this.#parts.roll.get('link', this.digest(secret))
    if (link === undefined || !this.counts(link) || !this.#isCodeRight(link, code)) throw this.invalid()
    return link
  }

  /**
   * Until its time is over, and as long as whoever made it may come themselves: who is gone lets nobody in. An invitation
   * also as long as its maker may give what it gives. The first operator's counts while there is none, however the first
   * one came.
   */
  counts(link: Link): boolean {
    const { roll, clock, mayGive } = this.#parts
    const { purpose, expires, madeBy } = link
    if (expires <= clock.wall() || (purpose === 'first' && roll.activeOperators().length > 0)) return false
    const maker = roll.operatorNamed(madeBy.replace(/^operator\//, ''))
    if (maker !== undefined && maker.state !== 'active') return false
    return purpose !== 'invitation' || mayGive(link)
  }

  /** What a secret is kept as; of what cannot be one, of nothing that is kept. */
  digest(secret: string): string {
    return isLinkSecret(secret) ? digestOf(secret) : ''
  }

  invalid(): OperatorError {
    return new OperatorError(
      'link-invalid',
      'this link was used, is older than a day, never was one, or whoever made it may not give it any more',
    )
  }

  /** @throws OperatorError `link-invalid` if it was used meanwhile. To be called in a change of the roll. */
  again(id: string): Link {
    const link = this.#parts.roll.get('link', id)
    if (link === undefined || !this.counts(link)) throw this.invalid()
    return link
  }

  #isCodeRight({ id, codeDigest }: Link, code: string | undefined): boolean {
    if (codeDigest === undefined) return true
    const typed = code === undefined ? undefined : parseCode(code)
    if (typed === undefined) return false
    const tries = (this.#triesOf.get(id) ?? 0) + 1
    // Bounded by the links there are; a start forgets the tries, and takes longer than they do.
    if (this.#triesOf.size > LINKS_MAX * 2) this.#triesOf.clear()
    this.#triesOf.set(id, tries)
    return tries <= CODE_TRIES && digestOf(typed) === codeDigest
  }
}
