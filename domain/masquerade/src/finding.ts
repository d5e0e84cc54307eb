/** What was seen of an identity that one honest device alone would seldom or never do. */

import type { Timestamp } from '@holdfast/base'

export const FINDING_KINDS = [
  /** Of two copies the second to speak: it shows a nonce that was replaced. */
  'nonce-outdated',
  /** It takes part in nonces and has left one unanswered. */
  'nonce-silent',
  /** A connection came back that had been taken over from a moment ago, and the one between had another kind of client. */
  'alternating-clients',
  /** As well, but the same kind of client, in another network. */
  'alternating-networks',
  /** Many take-overs in a short time. */
  'takeover-storm',
  /** Requests over HTTPS from one network while a connection is in another. */
  'two-networks',
  /** Another TLS library or another kind of client than before. */
  'changed-client',
  /** A counter of the device is lower than it was. */
  'counter-backwards',
  /** A counter of the device is in another connection what it was before. */
  'counter-repeated',
  /** A certificate that was replaced or revoked, shown while its successor is connected. */
  'replaced-certificate-while-connected',
  /** An expired certificate, shown while another credential of the identity is connected. */
  'expired-certificate-while-connected',
  /** A certificate that is not the identity's, shown while the right one is connected. */
  'wrong-certificate-while-connected',
  /** As well, while nobody is. */
  'wrong-certificate',
  /** A signature by another key, while the right one is connected. */
  'wrong-key-while-connected',
] as const

export type FindingKind = (typeof FINDING_KINDS)[number]

export interface Finding {
  readonly kind: FindingKind
  readonly at: Timestamp
  /** What it was, in a few words: networks, kinds of clients, numbers; no secret. */
  readonly detail: string
}
