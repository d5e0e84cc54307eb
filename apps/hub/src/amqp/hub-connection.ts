/** One AMQP connection to the hub: what it proves, what it may attach, and what that leads to. */

import type {
  AmqpConnection,
  AmqpHandler,
  AmqpMessage,
  AmqpPeer,
  AmqpRefusal,
  IncomingHandler,
  IncomingLink,
  OutgoingHandler,
  OutgoingLink,
} from '@holdfast/amqp'
import type { KeySlot } from '@holdfast/identity'
import { linkTargetOf, pathOf } from './address.ts'
import { type Claim, Claims } from './claims.ts'
import { commandLink } from './command-link.ts'
import type { FrontAmqp } from './front-amqp.ts'
import { answerManagement } from './management-node.ts'
import { notFound } from './not-found.ts'
import { AnswerLinks, type NodeAnswer } from './request-links.ts'

/** Wrong tokens on one connection before it is closed. */
const FAILURES_MAX = 5
/** Questions of one connection that are being answered: more get no credit. */
const REQUESTS_MAX = 20
const COMMANDS_MAX = 50
const TOKEN_CHARACTERS_MAX = 4_096

export class HubConnection implements AmqpHandler {
  readonly #connection: AmqpConnection
  readonly #peer: AmqpPeer
  readonly #front: FrontAmqp
  readonly #claims = new Claims()
  readonly #cbs = new AnswerLinks()
  readonly #management = new AnswerLinks()
  /** What each open link rests on. */
  readonly #needs = new Map<IncomingLink | OutgoingLink, readonly string[]>()
  #failures = 0
  #policy: string | undefined
  /** That it came in is on disk. */
  #entered: Promise<void> | undefined

  constructor(connection: AmqpConnection, peer: AmqpPeer, front: FrontAmqp) {
    this.#connection = connection
    this.#peer = peer
    this.#front = front
  }

  async verifyPlain(name: string, password: string): Promise<boolean> {
    const policy = /^(.+)@sas\.root\.[^@]+$/i.exec(name)?.[1]
    if (policy === undefined) {
      await this.#refused('not-implemented', 'PLAIN is for services here: {policy}@sas.root.{hub}')
      return false
    }
    const claim = await this.#prove(password)
    return claim !== undefined && claim.policy === policy
  }

  attachIncoming(link: IncomingLink): IncomingHandler | AmqpRefusal {
    const path = pathOf(link.address)
    const target = linkTargetOf(path, this.#front.about)
    switch (target.kind) {
      case 'cbs':
        link.grant(REQUESTS_MAX)
        return { message: ({ message, accept }) => this.#putToken(message, accept), closed: () => {} }
      case 'management': {
        const denial = this.#needsAnyClaim(link)
        if (denial !== undefined) return denial
        link.grant(REQUESTS_MAX)
        return {
          message: ({ message, accept }) => {
            accept()
            this.#answer(message)
          },
          closed: () => {},
        }
      }
      case 'command-sender': {
        const denial = this.#rest(link, path)
        if (denial !== undefined) return denial
        const policy = this.#claims.covering(path)?.policy ?? ''
        link.grant(COMMANDS_MAX)
        const { desk, failed } = this.#front
        const handler = commandLink({ send: (draft) => desk.sendCommand(draft, policy), failed })
        return { message: handler.message, closed: () => this.#needs.delete(link) }
      }
      case 'event-sender':
        return this.#refuse(link.address, 'amqp:not-allowed', 'events come from devices: nobody else sends them here')
      default:
        return this.#refuseCommon(link.address, target)
    }
  }

  attachOutgoing(link: OutgoingLink): OutgoingHandler | AmqpRefusal {
    const path = pathOf(link.address)
    const target = linkTargetOf(path, this.#front.about)
    switch (target.kind) {
      case 'cbs':
        return this.#cbs.add(link)
      case 'management':
        return this.#needsAnyClaim(link) ?? this.#management.add(link)
      case 'queue': {
        const denial = this.#rest(link, path)
        if (denial !== undefined) return denial
        return this.#front.openQueue(target.queue, link, () => this.#needs.delete(link))
      }
      case 'reader': {
        const denial = this.#rest(link, path)
        if (denial !== undefined) return denial
        const opened = this.#front.openReader(link, target, () => this.#needs.delete(link))
        if ('condition' in opened) {
          this.#needs.delete(link)
          return this.#refuse(link.address, opened.condition, opened.description)
        }
        return opened
      }
      default:
        return this.#refuseCommon(link.address, target)
    }
  }

  closed(reason: string): void {
    this.#front.gone(this)
    if (this.#policy === undefined) return
    this.#front.note({ kind: 'closed', policy: this.#policy, address: this.#peer.address, reason })
  }

  restsOn(policy: string, slot: KeySlot): boolean {
    return this.#claims.restsOn(policy, slot)
  }

  close(error: AmqpRefusal): void {
    this.#connection.close(error)
  }

  /** To be called about once a second: a link without a claim that lasts takes its connection with it. */
  tick(now: number): void {
    if (this.#claims.size === 0) return
    this.#claims.expire(now)
    const isHeld = this.#needs.size > 0 ? this.#needs.values().every((path) => this.#claims.covering(path)) : true
    if (isHeld && this.#claims.size > 0) return
    this.close({ condition: 'amqp:unauthorized-access', description: 'the token has expired and was not renewed' })
  }

  #refuseCommon(address: string, target: ReturnType<typeof linkTargetOf>): AmqpRefusal {
    if (target.kind === 'later') {
      return this.#refuse(
        address,
        'amqp:not-implemented',
        `${target.what}: not served by this release; use MQTT or HTTPS`,
      )
    }
    if (target.kind === 'events-on-hub') {
      // Where to go is for those who may read there.
      if (this.#claims.covering([])?.hasServiceConnect !== true) return this.#unauthorized(address)
      const { hostName, amqpPort, entity } = this.#front.about
      return {
        condition: 'amqp:link:redirect',
        description: 'the Event Hub of this hub has an address of its own',
        info: {
          hostname: amqpPort === 5671 ? hostName : `${hostName}:${amqpPort}`,
          'network-host': hostName,
          port: amqpPort,
          address: `amqps://${hostName}:${amqpPort}/${entity}/${target.rest === '' ? '$management' : target.rest}`,
        },
      }
    }
    return this.#refuse(address, 'amqp:not-found', notFound('of this address', 'nothing is served there'))
  }

  /** Undefined when a claim with ServiceConnect covers `path`, which the link rests on from now on. */
  #rest(link: IncomingLink | OutgoingLink, path: readonly string[]): AmqpRefusal | undefined {
    const claim = this.#claims.covering(path)
    if (claim === undefined) return this.#unauthorized(link.address)
    if (!claim.hasServiceConnect) {
      return this.#refuse(link.address, 'amqp:unauthorized-access', 'the policy has no right ServiceConnect')
    }
    this.#needs.set(link, path)
    return undefined
  }

  #needsAnyClaim(link: IncomingLink | OutgoingLink): AmqpRefusal | undefined {
    return this.#claims.size > 0 ? undefined : this.#unauthorized(link.address)
  }

  #unauthorized(address: string): AmqpRefusal {
    return this.#refuse(address, 'amqp:unauthorized-access', 'no token that covers this address was shown')
  }

  #refuse(link: string, condition: AmqpRefusal['condition'], description: string): AmqpRefusal {
    this.#front.note({
      kind: 'link-refused',
      policy: this.#policy,
      address: this.#peer.address,
      link: link.slice(0, 256),
      condition,
    })
    return { condition, description }
  }

  #putToken(message: AmqpMessage, accept: () => void): void {
    accept()
    const text = (name: string): unknown => message.applicationProperties.get(name)
    if (text('operation') !== 'put-token') {
      this.#cbs.answer(message, { status: 501, description: 'operation is put-token' })
      return
    }
    const token = message.body.kind === 'value' ? message.body.value : undefined
    if (typeof token !== 'string' || token.length > TOKEN_CHARACTERS_MAX) {
      this.#cbs.answer(message, { status: 400, description: 'the body is the token, a string' })
      return
    }
    if (token.startsWith('Bearer ') || text('type') === 'jwt') {
      this.#cbs.answer(message, { status: 401, description: 'this hub takes shared access signatures only' })
      return
    }
    this.#prove(token)
      .then(
        (claim): NodeAnswer =>
          claim === undefined
            ? { status: 401, description: 'the token is not valid here' }
            : { status: 200, description: 'OK' },
      )
      .catch((error: unknown): NodeAnswer => {
        this.#front.failed(error)
        return { status: 500, description: 'the token could not be checked' }
      })
      .then((answer) => {
        this.#cbs.answer(message, answer)
        if (this.#failures >= FAILURES_MAX) {
          this.close({ condition: 'amqp:unauthorized-access', description: 'too many tokens that are not valid' })
        }
      })
      .catch(this.#front.failed)
  }

  async #prove(token: string): Promise<Claim | undefined> {
    const first = await this.#judged(token)
    if (first === undefined) return undefined
    await this.#enter(first.policy)
    // Asked anew: what was taken away while the log was written took nothing from a claim that was not there yet.
    const judgement = await this.#judged(token)
    if (judgement === undefined) return undefined
    if (!this.#claims.put(judgement)) {
      await this.#refused('too-many-claims', 'the connection holds too many tokens')
      return undefined
    }
    this.#connection.trust()
    return judgement
  }

  async #judged(token: string): Promise<Claim | undefined> {
    const judgement = await this.#front.judge(token, this.#peer.address)
    if (judgement.kind !== 'denied') return judgement
    this.#failures += 1
    await this.#refused(judgement.code, judgement.detail)
    return undefined
  }

  /** Nobody comes in whose coming cannot be written down. Rejects then, and closes. */
  async #enter(policy: string): Promise<void> {
    if (this.#entered === undefined) {
      this.#policy = policy
      const { address, transport } = this.#peer
      this.#entered = this.#front.noted({ kind: 'opened', policy, address, transport })
    }
    try {
      await this.#entered
    } catch (error) {
      this.close({ condition: 'amqp:internal-error', description: 'the audit log cannot be written; try again later' })
      throw error
    }
  }

  #answer(message: AmqpMessage): void {
    answerManagement(message, {
      about: this.#front.about,
      partitions: () => this.#front.partitions(),
      mayRead: (entity) => this.#claims.covering([entity, '$management'])?.hasServiceConnect === true,
    })
      .catch((error: unknown): NodeAnswer => {
        this.#front.failed(error)
        return { status: 500, description: 'the Event Hub cannot be read just now' }
      })
      .then((answer) => this.#management.answer(message, answer))
      .catch(this.#front.failed)
  }

  /** Refused it is, whether it could be written down or not. */
  async #refused(code: string, detail: string): Promise<void> {
    const note = { kind: 'refused', address: this.#peer.address, code, detail } as const
    await this.#front.noted(note).catch(this.#front.failed)
  }
}
