/**
 * What a workstation signs: a report of itself, alone or to vouch for a session. JSON text under an Ed25519 signature
 * (RFC 8032) over a line that names its purpose, the line end, and the text as it was sent: nothing is written anew
 * before it is verified, and nothing that the key signs for something else is a statement.
 */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { type Timestamp, timestampOf } from '@holdfast/base'
import { STATEMENT_BYTES_MAX } from './limits.ts'
import { type PostureReport, readPosture } from './posture.ts'

export const STATEMENT_CONTEXT = 'holdfast workstation statement v1\n'

export type StatementPurpose = 'report' | 'vouch' | 'login'

export interface Statement {
  readonly purpose: StatementPurpose
  /** The hub's name: what was said to one hub is nothing to another. */
  readonly hub: string
  readonly workstation: string
  readonly time: Timestamp
  /** The session or the login that it vouches for, and the nonce given for that; both empty in a mere report. */
  readonly subject: string
  readonly nonce: string
  readonly report: PostureReport
}

const MEMBERS = ['purpose', 'hub', 'workstation', 'time', 'subject', 'nonce', 'report'] as const
const TEXT_CHARACTERS_MAX = 256
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/
/** SubjectPublicKeyInfo of Ed25519 (RFC 8410 §4): this, then the 32 bytes of the key. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')

/** The text to sign. */
export function formatStatement({ time, ...rest }: Statement): string {
  return JSON.stringify({ ...rest, time: new Date(time).toISOString() })
}

/** What is signed of a text. */
export function signedBytes(text: string): Uint8Array {
  return Buffer.from(`${STATEMENT_CONTEXT}${text}`, 'utf8')
}

/** A workstation's key; undefined for what is no Ed25519 key in its one encoding. */
export function readWorkstationKey(spki: string): KeyObject | undefined {
  const bytes = Buffer.from(spki, 'base64url')
  if (bytes.length !== 44 || !bytes.subarray(0, 12).equals(ED25519_SPKI)) return undefined
  if (bytes.toString('base64url') !== spki) return undefined
  try {
    return createPublicKey({ key: bytes, format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

export function isSigned(text: string, signature: string, key: KeyObject): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  return bytes.length === 64 && verify(null, signedBytes(text), key, bytes)
}

/** The statement in a text; undefined for what is none. Says nothing of who made it. */
export function readStatement(text: string): Statement | undefined {
  if (Buffer.byteLength(text) > STATEMENT_BYTES_MAX) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = new Map<string, unknown>(Object.entries(value))
  if (members.size !== MEMBERS.length || !MEMBERS.every((name) => members.has(name))) return undefined
  const text256 = (name: string): string | undefined => {
    const member = members.get(name)
    return typeof member === 'string' && member.length <= TEXT_CHARACTERS_MAX ? member : undefined
  }
  const purpose = members.get('purpose')
  const [hub, workstation, subject, nonce] = ['hub', 'workstation', 'subject', 'nonce'].map(text256)
  const stated = text256('time') ?? ''
  const time = TIME.test(stated) ? Date.parse(stated) : Number.NaN
  const report = readPosture(members.get('report'))
  if (purpose !== 'report' && purpose !== 'vouch' && purpose !== 'login') return undefined
  if (hub === undefined || workstation === undefined || subject === undefined || nonce === undefined) return undefined
  if (Number.isNaN(time) || report === undefined) return undefined
  return { purpose, hub, workstation, time: timestampOf(time), subject, nonce, report }
}
