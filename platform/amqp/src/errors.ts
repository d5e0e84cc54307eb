/** What goes wrong with a peer's bytes. The code is an AMQP error condition (AMQP 1.0 part 2, §2.8.14 to §2.8.17). */

export type AmqpCondition =
  | 'amqp:internal-error'
  | 'amqp:not-found'
  | 'amqp:unauthorized-access'
  | 'amqp:decode-error'
  | 'amqp:resource-limit-exceeded'
  | 'amqp:not-allowed'
  | 'amqp:invalid-field'
  | 'amqp:not-implemented'
  | 'amqp:precondition-failed'
  | 'amqp:connection:forced'
  | 'amqp:connection:framing-error'
  | 'amqp:link:detach-forced'
  | 'amqp:link:transfer-limit-exceeded'
  | 'amqp:link:message-size-exceeded'
  | 'amqp:link:redirect'
  | 'amqp:link:stolen'
  | 'amqp:session:errant-link'
  | 'amqp:session:unattached-handle'
  | 'amqp:session:handle-in-use'
  | 'amqp:session:window-violation'
  /** Conditions of an application's own, e.g. `com.microsoft:timeout`. */
  | `com.microsoft:${string}`

/** Bytes of a peer that this side does not take; its connection ends. */
export class AmqpError extends Error {
  readonly code: AmqpCondition

  constructor(code: AmqpCondition, message: string) {
    super(message)
    this.name = 'AmqpError'
    this.code = code
  }
}
