/** Tokens as text, for the store. */

import { formatNode, type Grant, parseNode } from '@holdfast/authorization'
import { timestampOf } from '@holdfast/base'
import type { AccessToken, TokenSecret } from './token.ts'

export function formatDocument(token: AccessToken): string {
  const scope = token.scope.map((grant) =>
    grant.kind === 'role'
      ? { role: grant.role, on: formatNode(grant.node) }
      : { actions: grant.actions, on: formatNode(grant.node) },
  )
  return JSON.stringify({ ...token, scope })
}

/** @throws TypeError for a text that `formatDocument` did not make. */
export function parseDocument(text: string): AccessToken {
  const found = readObject(JSON.parse(text))
  const lifeMs = found.lifeMs
  if (typeof lifeMs !== 'number') throw damaged()
  return {
    id: readText(found.id),
    name: readText(found.name),
    organisation: readText(found.organisation),
    scope: readList(found.scope).map(readGrant),
    maker: readText(found.maker),
    isCanary: found.isCanary === true,
    lifeMs,
    createdTime: readTime(found.createdTime),
    secrets: readList(found.secrets).map(readSecret),
    isToldUnused: found.isToldUnused === true,
  }
}

function readGrant(value: unknown): Grant {
  const grant = readObject(value)
  const node = parseNode(readText(grant.on))
  if (node === undefined) throw damaged()
  if (grant.role !== undefined) return { kind: 'role', role: readText(grant.role), node }
  return { kind: 'actions', actions: readList(grant.actions).map(readText), node }
}

function readSecret(value: unknown): TokenSecret {
  const secret = readObject(value)
  const digest = readText(secret.digest)
  if (!/^[0-9a-f]{64}$/.test(digest)) throw damaged()
  const kept = { digest, createdTime: readTime(secret.createdTime), expires: readTime(secret.expires) }
  if (secret.lastUse === undefined) return kept
  const { at, address } = readObject(secret.lastUse)
  return { ...kept, lastUse: { at: readTime(at), address: readText(address) } }
}

function readObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged()
  return { ...value }
}

function readList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged()
  return value
}

function readText(value: unknown): string {
  if (typeof value !== 'string') throw damaged()
  return value
}

function readTime(value: unknown): AccessToken['createdTime'] {
  if (typeof value !== 'number') throw damaged()
  return timestampOf(value)
}

function damaged(): TypeError {
  return new TypeError('this is no token as it was written')
}
