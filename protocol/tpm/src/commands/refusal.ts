/** Response codes (Part 2 §6.6, TPM_RC): why a TPM said no. */

const FORMAT_ONE = 0x080
const WARNING = 0x900

/** Names of codes that tell their reader what to do. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x081, 'ASYMMETRIC'],
  [0x082, 'ATTRIBUTES'],
  [0x084, 'VALUE'],
  [0x085, 'HIERARCHY'],
  [0x08b, 'HANDLE'],
  [0x08e, 'AUTH_FAIL'],
  [0x090, 'BINDING'],
  [0x092, 'SCHEME'],
  [0x095, 'SIZE'],
  [0x098, 'TAG'],
  [0x09b, 'SIGNATURE'],
  [0x09d, 'POLICY_FAIL'],
  [0x09f, 'INTEGRITY'],
  [0x0a2, 'BAD_AUTH'],
  [0x100, 'INITIALIZE'],
  [0x101, 'FAILURE'],
  [0x128, 'PCR_CHANGED'],
  [0x14c, 'NV_DEFINED'],
  [0x902, 'OBJECT_MEMORY'],
  [0x903, 'SESSION_MEMORY'],
  [0x905, 'SESSION_HANDLES'],
  [0x908, 'YIELDED'],
  [0x90a, 'TESTING'],
  [0x920, 'NV_RATE'],
  [0x921, 'LOCKOUT'],
  [0x922, 'RETRY'],
])

/** The code without the number of the handle, session or parameter it speaks of. */
function reasonOf(code: number): number {
  return (code & FORMAT_ONE) === 0 ? code & 0xfff : code & 0x0bf
}

/** A TPM answered a command with another code than success. */
export class TpmRefusal extends Error {
  override readonly name = 'TpmRefusal'
  /** As the TPM sent it. */
  readonly responseCode: number
  /** The standard's name without `TPM_RC_`, or the code in hexadecimal. */
  readonly reason: string

  constructor(command: string, responseCode: number) {
    const base = reasonOf(responseCode)
    const reason = NAMES.get(base) ?? `0x${responseCode.toString(16).padStart(3, '0')}`
    super(`the TPM refused ${command}: ${reason}`)
    this.responseCode = responseCode
    this.reason = reason
  }

  /** The same command may succeed if it is sent again: the TPM is busy testing itself, or gave way. */
  get isTransient(): boolean {
    return (
      this.reason === 'RETRY' || this.reason === 'YIELDED' || this.reason === 'TESTING' || this.reason === 'NV_RATE'
    )
  }

  /** A warning (TPM_RC_WARN): nothing is wrong with the command itself. */
  get isWarning(): boolean {
    return (this.responseCode & FORMAT_ONE) === 0 && (this.responseCode & 0xf00) === WARNING
  }
}
