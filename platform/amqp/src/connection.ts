/**
 * One connection: protocol headers, SASL, the gate, then rhea. What rhea says is brought to the application's handler,
 * and what that decides goes back. Whatever goes wrong here ends this connection and nothing else.
 */

import type { Clock, Instant } from '@holdfast/base'
import { later, TokenBucket } from '@holdfast/base'
import type { Connection, Container, Delivery, EventContext, Receiver, Sender, Session } from 'rhea'
import { AmqpError } from './errors.ts'
import { FrameGate } from './frame-gate.ts'
import { IncomingEnd } from './incoming-end.ts'
import type { AmqpLimits } from './limits.ts'
import type {
  AmqpApplication,
  AmqpConnection,
  AmqpHandler,
  AmqpOutcome,
  AmqpPeer,
  AmqpRefusal,
  AmqpTransport,
} from './node.ts'
import { OutgoingEnd } from './outgoing-end.ts'
import { RheaSocket } from './rhea-socket.ts'
import {
  AMQP_HEADER,
  PROTOCOL_HEADER_BYTES,
  readSaslInit,
  SASL_AUTH,
  SASL_HEADER,
  SASL_OK,
  SASL_TEMPORARY,
  saslFrameBytes,
  saslMechanismsFrame,
  saslOutcomeFrame,
} from './sasl.ts'
import { Settlements } from './settlements.ts'

export interface ConnectionParts {
  readonly id: number
  readonly container: Container
  readonly transport: AmqpTransport
  readonly peer: AmqpPeer
  readonly application: AmqpApplication
  readonly limits: AmqpLimits
  readonly clock: Clock
  /** A fault of ours, for the log. */
  readonly fault: (error: unknown) => void
  /** Told once, when the connection is over. */
  readonly ended: () => void
}

type Phase =
  /** The first protocol header is due, or the one after SASL. */
  | 'header'
  | 'sasl'
  /** PLAIN is being verified. */
  | 'verifying'
  | 'amqp'
  /** What is left to say is being said. */
  | 'closing'
  | 'over'

/** Bytes that a peer may send ahead while its password is being looked at. */
const AHEAD_BYTES_MAX = 16_384
const OUTCOMES: readonly AmqpOutcome[] = ['accepted', 'rejected', 'released', 'modified']

export class ServerConnection implements AmqpConnection {
  readonly id: number
  readonly #parts: ConnectionParts
  readonly #handler: AmqpHandler
  readonly #gate: FrameGate
  readonly #socket: RheaSocket
  readonly #ends = new Map<Receiver | Sender, IncomingEnd | OutgoingEnd>()
  readonly #settlements = new Settlements()
  #rhea: Connection | undefined
  #phase: Phase = 'header'
  #mechanism: string | undefined
  #held: Buffer = Buffer.alloc(0)
  #deadline: Instant
  #isTrusted = false
  #reason = 'closed by the peer'

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.id = parts.id
    const now = parts.clock.monotonic()
    this.#deadline = later(now, parts.limits.openingMs)
    const { attachBurst, attachesPerSecond } = parts.limits
    this.#gate = new FrameGate({
      limits: parts.limits,
      attaches: new TokenBucket(now, { burst: attachBurst, perSecond: attachesPerSecond }),
      frame: (bytes) => this.#socket.input(bytes),
    })
    this.#socket = new RheaSocket({
      id: parts.id,
      transport: parts.transport,
      limits: parts.limits,
      clock: parts.clock,
      drained: () => {
        for (const end of this.#ends.values()) if (end instanceof OutgoingEnd) end.ready()
      },
      failed: (reason) => this.#drop(reason),
      ended: () => this.#finish(),
    })
    this.#handler = parts.application.connected(this, parts.peer)
  }

  get mechanism(): string | undefined {
    return this.#mechanism
  }

  trust(): void {
    this.#isTrusted = true
    this.#gate.isTrusted = true
  }

  close(error: AmqpRefusal): void {
    if (this.#phase === 'closing' || this.#phase === 'over') return
    this.#reason = `${error.condition}: ${error.description}`
    this.#phase = 'closing'
    this.#deadline = later(this.#parts.clock.monotonic(), this.#parts.limits.closingMs)
    // Whose open was not answered yet is told all the same (§2.4.1: close follows open).
    this.#rhea?.open()
    this.#rhea?.close({ condition: error.condition, description: error.description })
    // rhea writes at the end of this turn.
    setImmediate(() => this.#socket.end())
  }

  /** Bytes from the peer. */
  received(bytes: Uint8Array): void {
    if (this.#phase === 'over' || this.#phase === 'closing') return
    try {
      if (this.#phase === 'amqp') this.#gate.push(bytes, this.#parts.clock.monotonic())
      else this.#open(bytes)
    } catch (error) {
      if (error instanceof AmqpError) this.close({ condition: error.code, description: error.message })
      else {
        this.#parts.fault(error)
        this.close({ condition: 'amqp:internal-error', description: 'the connection cannot go on' })
      }
    }
  }

  /** The transport is gone. */
  peerClosed(): void {
    this.#finish()
  }

  /** To be called about once a second. */
  tick(now: Instant): void {
    if (this.#phase === 'over') return
    if (this.#phase === 'closing') {
      if (now >= this.#deadline) this.#drop(this.#reason)
    } else if (!this.#isTrusted && now >= this.#deadline) {
      this.close({ condition: 'amqp:unauthorized-access', description: 'no valid credential was shown in time' })
    } else this.#socket.tick(now)
  }

  #open(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes])
    this.#advance()
    // What follows an opening is for the gate; this is what waits for a password, or to be a whole frame.
    if (this.#held.length > AHEAD_BYTES_MAX) {
      throw new AmqpError('amqp:resource-limit-exceeded', 'too much at once for an opening')
    }
  }

  #advance(): void {
    for (;;) {
      if (this.#phase === 'header') {
        if (this.#held.length < PROTOCOL_HEADER_BYTES) {
          if (!AMQP_HEADER.subarray(0, Math.min(4, this.#held.length)).equals(this.#held.subarray(0, 4))) {
            this.#turnAway()
          }
          return
        }
        const header = this.#next(PROTOCOL_HEADER_BYTES)
        if (header.equals(AMQP_HEADER)) {
          this.#begin()
          return
        }
        if (!header.equals(SASL_HEADER) || this.#mechanism !== undefined) {
          this.#turnAway()
          return
        }
        this.#socket.write(Buffer.concat([SASL_HEADER, saslMechanismsFrame()]))
        this.#phase = 'sasl'
      } else if (this.#phase === 'sasl') {
        const size = saslFrameBytes(this.#held)
        if (size === undefined || this.#held.length < size) return
        this.#sasl(this.#next(size))
      } else return
    }
  }

  #sasl(frame: Buffer): void {
    const init = readSaslInit(frame)
    if (init === undefined) {
      this.#refuse(SASL_AUTH, 'a SASL mechanism or response that is not known here')
      return
    }
    this.#mechanism = init.mechanism
    if (init.mechanism !== 'PLAIN') {
      this.#socket.write(saslOutcomeFrame(SASL_OK))
      this.#phase = 'header'
      return
    }
    this.#phase = 'verifying'
    this.#handler.verifyPlain(init.name, init.password).then(
      (isValid) => {
        if (this.#phase !== 'verifying') return
        if (!isValid) {
          this.#refuse(SASL_AUTH, 'a wrong name or password')
          return
        }
        this.#socket.write(saslOutcomeFrame(SASL_OK))
        this.#phase = 'header'
        this.received(new Uint8Array(0))
      },
      (error: unknown) => {
        this.#parts.fault(error)
        if (this.#phase === 'verifying') this.#refuse(SASL_TEMPORARY, 'the password could not be checked')
      },
    )
  }

  #refuse(code: number, reason: string): void {
    this.#reason = reason
    this.#phase = 'closing'
    this.#deadline = later(this.#parts.clock.monotonic(), this.#parts.limits.closingMs)
    this.#socket.write(saslOutcomeFrame(code))
    this.#socket.end()
  }

  /** §2.2: whoever speaks another protocol is told ours, and let go. */
  #turnAway(): void {
    this.#reason = 'another protocol'
    this.#phase = 'closing'
    this.#deadline = later(this.#parts.clock.monotonic(), this.#parts.limits.closingMs)
    this.#socket.write(SASL_HEADER)
    this.#socket.end()
  }

  #begin(): void {
    const { limits, container, id } = this.#parts
    const senderOptions = { treat_modified_as_released: false, max_message_size: limits.messageBytesMax }
    const options = {
      id: `connection-${id}`,
      container_id: container.id,
      max_frame_size: limits.frameBytesMax,
      channel_max: limits.sessionsMax - 1,
      idle_time_out: limits.idleMs / 2,
      reconnect: false,
      session_buffer_size: { incoming: limits.unsettledMax, outgoing: limits.unsettledMax },
      receiver_options: { autoaccept: false, credit_window: 0, max_message_size: limits.messageBytesMax },
      sender_options: senderOptions,
      disable_sasl: true,
      port: 0,
    }
    const rhea = container.create_connection(options)
    this.#rhea = rhea
    this.#listen(rhea)
    const accept: unknown = Reflect.get(rhea, 'accept')
    if (typeof accept !== 'function') throw new TypeError('rhea accepts no sockets')
    Reflect.apply(accept, rhea, [this.#socket])
    this.#phase = 'amqp'
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    this.#socket.input(AMQP_HEADER)
    this.#gate.push(rest, this.#parts.clock.monotonic())
  }

  #listen(rhea: Connection): void {
    const ignore = (): void => {}
    const on = (event: string, listener: (context: EventContext) => void): void => {
      rhea.on(event, (context: EventContext) => {
        try {
          listener(context)
        } catch (error) {
          // rhea would take it for the peer's fault.
          if (!(error instanceof AmqpError)) this.#parts.fault(error)
          this.close({ condition: 'amqp:internal-error', description: 'the connection cannot go on' })
        }
      })
    }
    for (const event of ['connection_open', 'connection_close', 'connection_error', 'disconnected']) on(event, ignore)
    for (const event of ['session_error', 'receiver_error', 'sender_error']) on(event, ignore)
    // The gate lets nothing through that rhea would stumble over; if it does, it is ours to mend.
    for (const event of ['error', 'protocol_error']) {
      rhea.on(event, (error: unknown) => {
        this.#parts.fault(error)
        this.close({ condition: 'amqp:internal-error', description: 'the connection cannot go on' })
      })
    }
    on('session_open', ({ session }) => {
      const begin: unknown = Reflect.get(Reflect.get(session ?? {}, 'local') ?? {}, 'begin')
      if (typeof begin === 'object' && begin !== null) Reflect.set(begin, 'handle_max', this.#parts.limits.handleMax)
    })
    on('session_close', ({ session }) => this.#endsOf(session))
    on('receiver_open', ({ receiver }) => this.#attachIncoming(receiver))
    on('sender_open', ({ sender }) => this.#attachOutgoing(sender))
    on('receiver_close', ({ receiver }) => this.#detached(receiver))
    on('sender_close', ({ sender }) => this.#detached(sender))
    on('message', ({ receiver, delivery }) => {
      const end = receiver && this.#ends.get(receiver)
      if (delivery === undefined || !(end instanceof IncomingEnd)) return
      end.arrived(delivery)
    })
    // The ring of deliveries was full, and is not any more.
    on('sendable', ({ sender }) => {
      const end = sender && this.#ends.get(sender)
      if (end instanceof OutgoingEnd) end.wake()
    })
    for (const outcome of OUTCOMES) on(outcome, ({ sender, delivery }) => this.#settled(sender, delivery, outcome))
    // Settled without saying how: as if it had never been there.
    on('settled', ({ sender, delivery }) => this.#settled(sender, delivery, 'released'))
  }

  #attachIncoming(receiver: Receiver | undefined): void {
    const gate = this.#gate.attached
    if (receiver === undefined || gate === undefined) return
    const end = new IncomingEnd({
      receiver,
      gate,
      creditMax: this.#parts.limits.creditMax,
      settlements: this.#settlements,
      forget: () => this.#ends.delete(receiver),
    })
    this.#ends.set(receiver, end)
    end.attach(this.#handler.attachIncoming(end))
  }

  #attachOutgoing(sender: Sender | undefined): void {
    const gate = this.#gate.attached
    if (sender === undefined || gate === undefined) return
    const end = new OutgoingEnd({
      sender,
      gate,
      mayWrite: () => this.#socket.mayWrite,
      write: (bytes) => this.#socket.write(bytes),
      forget: () => this.#ends.delete(sender),
    })
    this.#ends.set(sender, end)
    end.attach(this.#handler.attachOutgoing(end))
  }

  #settled(sender: Sender | undefined, delivery: Delivery | undefined, outcome: AmqpOutcome): void {
    const end = sender && this.#ends.get(sender)
    if (delivery !== undefined && end instanceof OutgoingEnd) end.settled(delivery, outcome)
  }

  #detached(link: Receiver | Sender | undefined): void {
    const end = link && this.#ends.get(link)
    if (link === undefined || end === undefined) return
    this.#ends.delete(link)
    end.closed()
  }

  #endsOf(session: Session | undefined): void {
    for (const link of this.#ends.keys()) if (link.session === session) this.#detached(link)
  }

  #next(bytes: number): Buffer {
    const part = this.#held.subarray(0, bytes)
    this.#held = this.#held.subarray(bytes)
    return part
  }

  #drop(reason: string): void {
    if (this.#phase === 'over') return
    this.#reason = reason
    this.#parts.transport.end()
    this.#finish()
  }

  #finish(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#held = Buffer.alloc(0)
    // rhea stops its timers by it, and would begin the one of eight minutes anew with what it was just writing.
    const open: unknown = Reflect.get(Reflect.get(this.#rhea ?? {}, 'local') ?? {}, 'open')
    if (typeof open === 'object' && open !== null) Reflect.set(open, 'idle_time_out', 0)
    this.#socket.gone()
    for (const link of this.#ends.keys()) this.#detached(link)
    this.#handler.closed(this.#reason)
    this.#parts.ended()
  }
}
