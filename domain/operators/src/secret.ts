/** Secrets that people and their browsers carry: how they look, and how they are kept. */

import { createHash } from 'node:crypto'
import { CODE_CHARACTERS, ID_BYTES, LINK_BYTES, SESSION_TOKEN_BYTES } from './limits.ts'

/** @returns that many random bytes, fit for keys. */
export type RandomBytes = (bytes: number) => Uint8Array

/** Twenty letters that are not taken for each other and form no words (RFC 8628 §6.1). */
const CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'

const CODE = new RegExp(`^[${CODE_LETTERS}]{${CODE_CHARACTERS}}$`)
const SESSION = /^hfs_([A-Za-z0-9_-]{43})_([0-9a-f]{8})$/
const LINK = /^[A-Za-z0-9_-]{27}$/

/** A name that people type as an argument: it never begins as an option does. */
export function makeId(random: RandomBytes): string {
  return Buffer.from(random(ID_BYTES)).toString('hex')
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

/** What is kept of a secret: enough to know it again. All of them are random and long, so no salt is needed. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('base64url')
}

export function makeLinkSecret(random: RandomBytes): string {
  return base64url(random(LINK_BYTES))
}

export function isLinkSecret(text: string): boolean {
  return LINK.test(text)
}

/** `hfs_<token>_<checksum>`: scanners for leaked secrets know it by its form, and a mistyped one is none. */
export function makeSessionToken(random: RandomBytes): string {
  const body = `hfs_${base64url(random(SESSION_TOKEN_BYTES))}`
  return `${body}_${checksumOf(body)}`
}

/** Whether a text has the form of a session's token, its checksum included. */
export function isSessionToken(text: string): boolean {
  const [, token, checksum] = SESSION.exec(text) ?? []
  return token !== undefined && checksum === checksumOf(`hfs_${token}`)
}

/** `BCDF-GHJK`. */
export function makeCode(random: RandomBytes): string {
  let code = ''
  // A byte of 240 or more would favour the first letters; one in sixteen is thrown away.
  while (code.length < CODE_CHARACTERS) {
    for (const byte of random(CODE_CHARACTERS)) {
      if (byte < 240 && code.length < CODE_CHARACTERS) code += CODE_LETTERS[byte % CODE_LETTERS.length]
    }
  }
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** The code that somebody typed, as `makeCode` writes it; undefined for what is none. */
export function parseCode(text: string): string | undefined {
  if (text.length > 32) return undefined
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, '')
  if (!CODE.test(letters)) return undefined
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

function checksumOf(body: string): string {
  return createHash('sha256').update(body, 'utf8').digest('hex').slice(0, 8)
}
