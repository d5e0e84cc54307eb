import type { Standing } from '@holdfast/identity'
import type { Subscription } from './front-messages.ts'

/**
 * Who a session is: an identity of the hub with the credential it rests on (`cuts` of domain/identity tells what ends
 * it), or a registration of the provisioning service.
 */
export type SessionSubject =
  | { readonly kind: 'identity'; readonly standing: Standing; readonly modelId?: string }
  | { readonly kind: 'registration'; readonly registrationId: string }

/** A session as predicates, queries and events see it. */
export interface Session {
  readonly front: number
  readonly connection: number
  readonly subject: SessionSubject
  /** What it is subscribed to, as kept; they change while it lives. */
  readonly subscriptions: readonly Subscription[]
  /** It goes on where an earlier connection of a persistent session ended. */
  readonly isResumed: boolean
}
