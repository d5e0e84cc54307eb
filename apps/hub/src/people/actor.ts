/** Who asks. */

import type { Grant } from '@holdfast/authorization'
import type { Timestamp } from '@holdfast/base'
import type { Principal, Right } from '@holdfast/identity'

export type Actor = LocalCaller | PersonCaller | TokenCaller | PolicyCaller

/** Through the socket in the data folder, whose file mode is the authorisation. May do everything. */
export interface LocalCaller {
  readonly kind: 'local'
}

/** A person who signed in. Their roles are looked up when it is decided what they may do. */
export interface PersonCaller {
  readonly kind: 'person'
  /** Of the operator: never given to another, and the name that events know. */
  readonly id: string
  /** As people call them; not unique for ever. */
  readonly name: string
  readonly organisation: string
  readonly session: Lifetime & { readonly id: string }
  /** When they last proved to be there, with a passkey. */
  readonly presenceAt: Timestamp
  /** What the workstation from which they come lets them do; `none`: only what is their own session's. */
  readonly posture: 'full' | 'read-only' | 'none'
}

/** A machine. */
export interface TokenCaller extends Lifetime {
  readonly kind: 'token'
  readonly id: string
  readonly name: string
  readonly organisation: string
  /** All that the token may do; never more than what it names. */
  readonly scope: readonly Grant[]
  /** Who made it, as they stand now: it does nothing that they could not do. */
  readonly maker: TokenMaker
}

export type TokenMaker =
  /** The machine of the hub, which may do everything. */
  | { readonly kind: 'hub' }
  /** Whoever has the key of a shared access policy. */
  | { readonly kind: 'policy'; readonly rights: readonly Right[] }
  /** `operator/<id>`, of the token's organisation. */
  | { readonly kind: 'person'; readonly name: string }

/** A service, by a token of a shared access policy: Azure's form. Such policies are the hub's own. */
export interface PolicyCaller {
  readonly kind: 'policy'
  readonly principal: Principal
}

/** How long what was shown counts: streams that were opened with it end when it does. */
export interface Lifetime {
  readonly until: Timestamp
  /** Aborted when it is taken away before. */
  readonly ended: AbortSignal
}

/** Of a shared access policy: every one of these rights. */
export type Requirement = readonly [Right, ...Right[]]

/** What only the owner's policy has together: for what reaches past devices, to keys, policies and events. */
export const OWNER: Requirement = ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect']

/** The actor as events name it. */
export function actorName(actor: Actor): string {
  switch (actor.kind) {
    case 'local':
      return 'operator/local'
    case 'person':
      return `operator/${actor.id}`
    case 'token':
      return `token/${actor.id}`
    case 'policy':
      return `policy/${actor.principal.name}`
  }
}

/** Whether whoever asks has these rights of Azure's form: people and machines with tokens have none. */
export function mayAll(actor: Actor, rights: readonly Right[]): boolean {
  if (actor.kind === 'local') return true
  return actor.kind === 'policy' && rights.every((right) => actor.principal.rights.includes(right))
}
