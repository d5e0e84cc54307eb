/** Registration ids, ids of enrolment groups and of operations (azure-iot.md §7). */

import { OPERATION_ID_CHARACTERS_MAX, REGISTRATION_ID_CHARACTERS_MAX } from './limits.ts'

declare const registrationId: unique symbol

/** A registration id or id of a group, in lower case: ids that differ in case alone are one id. */
export type RegistrationId = string & { readonly [registrationId]: true }

const GRAMMAR = new RegExp(`^[a-z0-9._:-]{0,${REGISTRATION_ID_CHARACTERS_MAX - 1}}[a-z0-9-]$`)

/**
 * The id in lower case, or undefined if the text is none: 1 to 128 of `a-z 0-9 - . _ :` in any case, the last one a
 * letter, digit or dash. Keep the received text where a derived key is checked: devices sign with the case they use.
 */
export function parseRegistrationId(text: string): RegistrationId | undefined {
  if (text.length > REGISTRATION_ID_CHARACTERS_MAX) return undefined
  const lower = asciiLower(text)
  return isRegistrationId(lower) ? lower : undefined
}

function isRegistrationId(text: string): text is RegistrationId {
  return GRAMMAR.test(text)
}

/** Only A to Z change: U+212A KELVIN SIGN is no `k` here, nor any other letter that folds into ASCII. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

const OPERATION_ID = new RegExp(`^[A-Za-z0-9._-]{1,${OPERATION_ID_CHARACTERS_MAX}}$`)

/** Whether the text can be an operation id at all. */
export function isOperationId(text: string): boolean {
  return OPERATION_ID.test(text)
}
