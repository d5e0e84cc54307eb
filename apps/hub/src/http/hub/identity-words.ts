/** What requests ask for of devices and modules, in the words of their documents (azure-iot.md §8). */

import Type, { type Static } from 'typebox'
import { assertNever } from '@holdfast/base'
import {
  type Authentication,
  type AuthenticationDraft,
  edgeScope,
  type Identity,
  type IdentityChange,
} from '@holdfast/identity'
import { HubError } from './errors.ts'

/** SDKs write null for what is not there, and send back whole documents: what is not named here is not looked at. */
function maybe<T extends Parameters<typeof Type.Union>[0][number]>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]))
}

const AuthenticationWords = Type.Object({
  type: maybe(Type.String()),
  symmetricKey: maybe(Type.Object({ primaryKey: maybe(Type.String()), secondaryKey: maybe(Type.String()) })),
  x509Thumbprint: maybe(
    Type.Object({ primaryThumbprint: maybe(Type.String()), secondaryThumbprint: maybe(Type.String()) }),
  ),
})

/** What a document says that can be changed; the types are checked here, the values by the domain. */
const CHANGEABLE = {
  status: maybe(Type.String()),
  statusReason: maybe(Type.String()),
  authentication: maybe(AuthenticationWords),
  capabilities: maybe(Type.Object({ iotEdge: maybe(Type.Boolean()) })),
  deviceScope: maybe(Type.String()),
  parentScopes: maybe(Type.Array(Type.String())),
  managedBy: maybe(Type.String()),
} as const

const Words = Type.Object(CHANGEABLE)
export type IdentityWords = Static<typeof Words>

export const IdentityBody = Type.Object({
  ...CHANGEABLE,
  deviceId: maybe(Type.String()),
  moduleId: maybe(Type.String()),
})

/** One of a bulk operation. */
export const BulkItem = Type.Object({
  ...CHANGEABLE,
  id: Type.String(),
  moduleId: maybe(Type.String()),
  eTag: maybe(Type.String()),
  etag: maybe(Type.String()),
  twinETag: maybe(Type.String()),
  importMode: maybe(Type.String()),
  tags: maybe(Type.Unknown()),
  properties: maybe(Type.Object({ desired: maybe(Type.Unknown()), reported: maybe(Type.Unknown()) })),
})
export type BulkWords = Static<typeof BulkItem>

/**
 * What the words of a document ask for, of a new identity or of `current`. What is absent stays as it is: an update
 * that does not speak of the status enables nobody, and one without keys (which Node's SDK sends empty) keeps them.
 * @throws HubError `ArgumentInvalid`.
 */
export function changeOf(words: IdentityWords, isModule: boolean, current?: Identity): IdentityChange {
  const authentication = authenticationDraft(words.authentication)
  if (isModule) {
    // Modules have no status in Azure's API, and what is sent of it means nothing.
    const { managedBy } = words
    return {
      ...(authentication === undefined ? {} : { authentication }),
      ...(managedBy === undefined ? {} : { managedBy: managedBy ?? '' }),
    }
  }
  const status = statusOf(words.status)
  const iotEdge = words.capabilities?.iotEdge ?? undefined
  const parentScope = parentScopeOf(words, iotEdge ?? current?.capabilities.iotEdge ?? false, current)
  return {
    ...(status === undefined ? {} : { status }),
    ...(words.statusReason === undefined ? {} : { statusReason: words.statusReason ?? '' }),
    ...(authentication === undefined ? {} : { authentication }),
    ...(iotEdge === undefined ? {} : { iotEdge }),
    ...(parentScope === undefined ? {} : { parentScope }),
  }
}

function statusOf(text: string | null | undefined): 'enabled' | 'disabled' | undefined {
  switch (text?.toLowerCase()) {
    case undefined:
      return undefined
    case 'enabled':
      return 'enabled'
    case 'disabled':
      return 'disabled'
    default:
      throw new HubError('ArgumentInvalid', 'status is enabled or disabled.')
  }
}

/** Of a leaf, `deviceScope` is its parent's, and `parentScopes` says the same again; of an edge device it is its own. */
function parentScopeOf(words: IdentityWords, isEdge: boolean, current: Identity | undefined): string | undefined {
  const { deviceScope, parentScopes } = words
  if ((parentScopes?.length ?? 0) > 1) {
    throw new HubError('ArgumentInvalid', 'A device has one parent: parentScopes holds one scope at the most.')
  }
  const parent = parentScopes === undefined ? undefined : (parentScopes?.[0] ?? '')
  if (!isEdge) {
    const shown = current?.capabilities.iotEdge === false ? (current.parentScope ?? '') : ''
    // A document that was read before it stopped being an edge device shows its own scope.
    const isLeft = current !== undefined && deviceScope === edgeScope(current)
    const own = deviceScope === undefined || isLeft ? undefined : (deviceScope ?? '')
    if (own !== undefined && parent !== undefined && own !== parent) {
      // Whoever changes one of a document that was read leaves the other as it was.
      if (own === shown) return parent
      if (parent === shown || parent === '') return own
      throw new HubError('ArgumentInvalid', 'deviceScope and parentScopes name different parents.')
    }
    return own ?? parent
  }
  // The hub makes the scope of an edge device; as in Azure, what a caller says of it is not looked at.
  return parent
}

/** A type decides; without one, thumbprints mean selfSigned and everything else sas, as Node's SDK has it. */
function authenticationDraft(words: IdentityWords['authentication']): AuthenticationDraft | undefined {
  if (words === undefined || words === null) return undefined
  const { primaryThumbprint, secondaryThumbprint } = words.x509Thumbprint ?? {}
  const { primaryKey, secondaryKey } = words.symmetricKey ?? {}
  const kind = kindOf(words.type) ?? (isText(primaryThumbprint) || isText(secondaryThumbprint) ? 'selfSigned' : 'sas')
  switch (kind) {
    case 'sas':
      return { kind, ...(isText(primaryKey) && { primaryKey }), ...(isText(secondaryKey) && { secondaryKey }) }
    case 'selfSigned':
      return {
        kind,
        ...(isText(primaryThumbprint) && { primaryThumbprint }),
        ...(isText(secondaryThumbprint) && { secondaryThumbprint }),
      }
    case 'certificateAuthority':
    case 'none':
      return { kind }
    default:
      return assertNever(kind)
  }
}

const KINDS: ReadonlyMap<string, Authentication['kind']> = new Map([
  ['sas', 'sas'],
  ['selfsigned', 'selfSigned'],
  ['certificateauthority', 'certificateAuthority'],
  ['none', 'none'],
])

function kindOf(type: string | null | undefined): Authentication['kind'] | undefined {
  if (!isText(type)) return undefined
  const kind = KINDS.get(type.toLowerCase())
  if (kind !== undefined) return kind
  throw new HubError('ArgumentInvalid', 'authentication.type is sas, selfSigned, certificateAuthority or none.')
}

function isText(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== ''
}
