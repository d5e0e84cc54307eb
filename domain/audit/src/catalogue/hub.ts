/** The hub itself: start and stop, its store, its keys, the log of these events. */

import { ofHub, ofSubject } from './definition.ts'

export const HUB_EVENTS = {
  'hub.started': ofHub({
    version: 'text',
    mqttPort: 'number',
    amqpPort: 'number',
    httpsPort: 'number',
  }),
  'hub.stopped': ofHub({}),
  'hub.configuration-refused': ofHub({ reason: 'text' }),
  'store.unavailable': ofHub({ detail: 'text' }),
  'store.available': ofHub({}),
  'store.damaged': ofHub({ detail: 'text' }),
  /**
   * Telemetry was put into a segment of pages. `sha256` is over the 32-byte SHA-256 digests of its sealed pages, in the order
   * of their numbers; `batches` over the sealed batches that it was made from, one after the other.
   */
  'telemetry.paged': ofHub({
    firstSequence: 'number',
    lastSequence: 'number',
    messages: 'number',
    pages: 'number',
    bytes: 'number',
    sha256: 'text',
    batches: 'text?',
    merged: 'number?',
    adopted: 'flag?',
  }),
  'telemetry.retired': ofHub(
    { reason: 'text', messages: 'number', firstSequence: 'number', lastSequence: 'number' },
    2,
  ),
  'service-queue.overflowed': ofHub({ messages: 'number' }),

  /** What was recorded before it was done was not done, or not wholly: `act` is the type of its event. */
  'act.failed': ofHub({ act: 'text', reason: 'text' }),

  'key.created': ofHub({ purpose: 'text' }),
  'key.rotated': ofHub({ purpose: 'text' }),
  'key.dropped': ofHub({ purpose: 'text' }),
  'key.encryption-key-rotated': ofHub({ kind: 'text' }),
  'key.provider-changed': ofHub({ from: 'text', to: 'text' }),
  'key.provider-refused': ofHub({ from: 'text', to: 'text', reason: 'text' }),

  'hub-authority.root-on-machine': ofHub({ sha256: 'text', place: 'text' }),
  'hub-authority.root-exported': ofHub({ sha256: 'text' }),
  'hub-authority.root-removed': ofHub({ sha256: 'text' }),
  'hub-authority.root-used': ofHub({ sha256: 'text', revokes: 'flag' }),
  'hub-authority.refused': ofHub({ reason: 'text' }),
  'hub-authority.list-issued': ofHub({ number: 'text', entries: 'number', nextUpdate: 'text' }),
  'rollover.begun': ofHub({ sha256: 'text', crossSigned: 'flag' }),
  'rollover.switched': ofHub({ sha256: 'text', serving: 'text' }),
  'rollover.returned': ofHub({ sha256: 'text' }),
  'rollover.finished': ofHub({ sha256: 'text', retired: 'text' }),

  'consumer-group.created': ofSubject({}),
  'consumer-group.deleted': ofSubject({}),
  'policy.created': ofSubject({ rights: 'text' }),
  'policy.key-changed': ofSubject({ slot: 'text' }),
  /** `slot` has a new key and is the current one; the former works on until `formerUntil`. */
  'policy.rotated': ofSubject({ slot: 'text', formerUntil: 'text' }),
  'policy.key-retired': ofSubject({ slot: 'text' }),
  /** The current key is older than it may be. */
  'policy.rotation-overdue': ofSubject({ slot: 'text', days: 'number' }),
  'policy.secret-disclosed': ofSubject({ slot: 'text' }),

  /**
   * The first entry after the log could not be written, or after more was told at once than could wait. `waiting` events
   * follow that were told meanwhile; those for which there was no room are counted (`lost`, and `types` of them).
   */
  'audit.blocked': ofHub({
    reason: 'text',
    refused: 'number',
    seconds: 'number',
    waiting: 'number',
    lost: 'number?',
    types: 'text?',
  }),
  /** An event that no schema describes: kept as it came, cut where it is too long. A bug of ours. */
  'audit.malformed': ofHub({ type: 'text', fault: 'text', event: 'text' }),
  /** Bodies were destroyed. What they said is in no entry; their leaves stay. */
  'audit.shredded': ofHub({ scope: 'text', entries: 'number', first: 'number?', last: 'number?', reason: 'text?' }),
  'audit.exported': ofHub({ from: 'number', size: 'number', bodies: 'flag' }),
  /** The log does not agree with what was signed of it; nothing is signed over it any more. */
  'audit.contradicted': ofHub({ what: 'text', entry: 'number?', size: 'number' }),
  'witness.added': ofHub({ url: 'text', key: 'text' }),
  'witness.removed': ofHub({}),
  'witness.away': ofHub({ reason: 'text', hours: 'number' }),
  'witness.returned': ofHub({ size: 'number' }),
  /** It saw another history of this log than the log now has. */
  'witness.forked': ofHub({ reason: 'text', size: 'number' }),
  'audit.key-created': ofHub({ origin: 'text', key: 'text' }),
} as const
