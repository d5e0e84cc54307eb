/** People, and what they are known by. */

import type { Timestamp } from '@holdfast/base'
import { PASSKEY_NAME_CHARACTERS_MAX, ROLE_CHARACTERS_MAX, ROLES_MAX } from './limits.ts'

/** The name in events: `operator/<name>`. It is never given to anybody else, also when its bearer is removed. */
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/

const ROLE = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/

/** What the socket in the data folder is called in events. */
const RESERVED: ReadonlySet<string> = new Set(['local', 'hub', 'unknown'])

export interface Operator {
  /** 16 random bytes, base64url: the user handle of WebAuthn, which says nothing of the person. */
  readonly id: string
  readonly name: string
  /** Whose people they are: what they reach is that organisation's. */
  readonly organisation: string
  /** Names of roles that the person was invited with; what they allow is authorization's. */
  readonly roles: readonly string[]
  /** `suspended`: no session, until somebody lifts it. `removed`: kept so that the name stays taken. */
  readonly state: 'active' | 'suspended' | 'removed'
  readonly createdTime: Timestamp
  /** Who invited them, as events name it. */
  readonly invitedBy: string
  /**
   * Came in when there were two already, by the word of one: counts as nobody's second person until another than whoever
   * invited them says that there is such a person. Without this, one person would be two as soon as they invite one.
   */
  readonly awaitsWord?: true
}

export interface Passkey {
  /** Credential id, base64url. */
  readonly id: string
  readonly operatorId: string
  readonly name: string
  /** COSE_Key (RFC 9052 §7), base64url. */
  readonly publicKey: string
  /** Signature counter (WebAuthn §6.1.1); 0 of authenticators that have none. */
  readonly counter: number
  /** Whether it may leave the device on which it was made (WebAuthn §6.1.3, backup eligible). */
  readonly isBackupEligible: boolean
  /** The model of authenticator, as it says itself; proved only where an attestation was asked for. */
  readonly aaguid: string
  readonly transports: readonly string[]
  readonly createdTime: Timestamp
  readonly lastUsedTime?: Timestamp
  /** Its counter went back once: the key may have been copied. It opens nothing any more. */
  readonly isSuspected?: true
}

export function isOperatorName(text: string): boolean {
  return NAME.test(text) && !RESERVED.has(text)
}

export function areRoles(roles: readonly string[]): boolean {
  return (
    roles.length <= ROLES_MAX &&
    new Set(roles).size === roles.length &&
    roles.every((role) => role.length <= ROLE_CHARACTERS_MAX && ROLE.test(role))
  )
}

/** A name that somebody gave to a thing of theirs: one line, without what could steer a terminal or a page. */
export function isLabel(text: string): boolean {
  return text.trim() === text && text.length > 0 && text.length <= PASSKEY_NAME_CHARACTERS_MAX && isOneLine(text)
}

/** No control characters, no line ends, no marks that turn the direction of reading. */
export function isOneLine(text: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text)
}

export function actorOf({ name }: Pick<Operator, 'name'>): string {
  return `operator/${name}`
}
