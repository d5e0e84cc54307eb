/** The key of this workstation, one for each hub; it never leaves the machine. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { PostureReport } from './posture.ts'
import { readKept, writeKept } from './kept-file.ts'

export interface KeptWorkstation {
  readonly id: string
  readonly name: string
  readonly key: KeyObject
}

type Environment = Readonly<Record<string, string | undefined>>

const FILE = 'workstations.json'
const CONTEXT = 'holdfast workstation statement v1\n'

export function readWorkstation(environment: Environment, origin: string): KeptWorkstation | undefined {
  const value = readKept(environment, FILE)[origin]
  if (typeof value !== 'object' || value === null) return undefined
  const [id, name, key] = ['id', 'name', 'privateKey'].map((member): unknown => Reflect.get(value, member))
  if (typeof id !== 'string' || typeof name !== 'string' || typeof key !== 'string') return undefined
  return { id, name, key: createPrivateKey(key) }
}

export function keepWorkstation(environment: Environment, origin: string, { id, name, key }: KeptWorkstation): void {
  const privateKey = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  writeKept(environment, FILE, { ...readKept(environment, FILE), [origin]: { id, name, privateKey } })
}

/** Ed25519 (RFC 8032), with the public key as the hub takes it. */
export function makeWorkstationKey(): { readonly key: KeyObject; readonly publicKey: string } {
  const { privateKey: key } = generateKeyPairSync('ed25519')
  return { key, publicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64url') }
}

/** What the workstation states, as `domain/operators` reads it (`statement.ts`). */
export interface StatementFacts {
  readonly purpose: 'report' | 'vouch' | 'login'
  readonly hub: string
  readonly subject: string
  readonly nonce: string
  readonly report: PostureReport
  readonly now: number
}

export function signStatement(
  { id, key }: KeptWorkstation,
  { now, ...facts }: StatementFacts,
): { readonly statement: string; readonly signature: string } {
  const statement = JSON.stringify({ ...facts, workstation: id, time: new Date(now).toISOString() })
  return { statement, signature: sign(null, Buffer.from(`${CONTEXT}${statement}`), key).toString('base64url') }
}
