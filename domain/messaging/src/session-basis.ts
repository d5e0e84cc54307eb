import type { IdentityKey } from '@holdfast/identity'

/**
 * What a session rests on: the credential that opened it. When that credential ends, so do the sessions on it.
 * `holder` of a key may be the device while the session is a module's: a device's token is good for its modules.
 */
export type SessionBasis =
  | { readonly kind: 'identity-key'; readonly holder: IdentityKey; readonly slot: 'primary' | 'secondary' }
  | { readonly kind: 'policy'; readonly name: string; readonly slot: 'primary' | 'secondary' }
  /** Upper-case hex, as registered. */
  | { readonly kind: 'thumbprint'; readonly holder: IdentityKey; readonly thumbprint: string }
  | { readonly kind: 'authority'; readonly name: string }
  | { readonly kind: 'enrollment'; readonly scope: 'individual' | 'group'; readonly id: string }

/** Who a session is: an identity of the hub, or a registration of the provisioning service. */
export type SessionSubject =
  | { readonly kind: 'identity'; readonly key: IdentityKey }
  | { readonly kind: 'registration'; readonly registrationId: string }

/** A session as predicates, queries and events see it. */
export interface Session {
  readonly front: number
  readonly connection: number
  readonly subject: SessionSubject
  readonly basis: SessionBasis
}
