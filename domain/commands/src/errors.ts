/** Why a message was not taken, or not given. Codes are API, messages are not. */
export type CommandErrorCode =
  /** Something of the message is not of the form it must have. */
  | 'invalid'
  /** Body, system values and properties together; or properties that fit in no MQTT topic. */
  | 'too-large'
  /** As many messages wait for the device as may. */
  | 'queue-full'
  /** More is on its way to the disk than is held; nothing was taken. Try again. */
  | 'busy'
  | 'device-missing'
  | 'module-missing'

/** Thrown for what a service or a device asked for and cannot have. Messages hold nothing of the peer's. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: CommandErrorCode

  constructor(code: CommandErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
