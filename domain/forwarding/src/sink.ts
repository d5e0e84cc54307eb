/** Sinks: who hears of events, as what is kept of them. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { EventFilter } from '@holdfast/review'
import type { SetAside } from './delivery.ts'

export const SINK_KINDS = ['syslog', 'webhook', 'otlp'] as const
export type SinkKind = (typeof SINK_KINDS)[number]

/** One of the secrets that sign a webhook's messages. */
export interface SigningSecret {
  /** Base64, SECRET_BYTES bytes. */
  readonly key: string
  readonly createdTime: Timestamp
  /** When it stops signing; undefined for the current one. */
  readonly endsTime?: Timestamp
}

/** What is sealed on disk, and shown to nobody after it was made. */
export interface SinkSecrets {
  /** Of a webhook, the current one first. */
  readonly signing: readonly SigningSecret[]
  /** Sent with each request, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** PEM, as whom the hub comes. */
  readonly client?: { readonly certificate: string; readonly key: string }
}

export interface Sink {
  readonly name: string
  readonly kind: SinkKind
  /** `https://…` or, of syslog, `syslog://host[:port]`. */
  readonly address: string
  readonly filter: EventFilter
  /** The view that the filter was taken from; later changes of that view change nothing here. */
  readonly view?: string
  /** PEM; where it is there, nothing else is trusted. */
  readonly authorities?: string
  readonly isEnabled: boolean
  /** Whether its address may be one of the hub's own network. Said apart, by whoever may. */
  readonly allowPrivate: boolean
  readonly secrets: SinkSecrets
  readonly etag: string
  readonly createdTime: Timestamp
  readonly updatedTime: Timestamp
}

/** A sink, and how far it got. */
export interface StoredSink extends Sink {
  /** The first entry of the log that was not dealt with. */
  readonly cursor: number
  /** How many times something was set aside and waits. */
  readonly setAside: number
}

export interface StoredSetAside extends SetAside {
  /** Its number, given once. */
  readonly sequence: number
  readonly at: Timestamp
}

/** What a write must find: no sink of this name, or the one with this ETag. */
export type SinkExpectation = { readonly kind: 'absent' } | { readonly kind: 'etag'; readonly etag: string }

/** What sinks need from a disk. Implementers MUST make every write durable before they resolve. */
export interface SinkStore {
  /** All of them; they are few. */
  listSinks(): Promise<readonly StoredSink[]>
  /** @param cursor of a new one; another keeps its own. `conflict`: not what was expected. */
  writeSink(
    sink: Sink,
    write: { readonly expected: SinkExpectation; readonly cursor: number },
    because?: Because,
  ): Promise<'written' | 'conflict'>
  /** With what was set aside for it. */
  deleteSink(name: string, etag: string, because?: Because): Promise<'deleted' | 'conflict'>
  /** Moves the cursor, and keeps what was set aside, in one step; false where there is no such sink of this creation. */
  moveSink(
    sink: Pick<Sink, 'name' | 'createdTime'>,
    move: { readonly cursor: number; readonly setAside?: SetAside & { readonly at: Timestamp } },
    because?: Because,
  ): Promise<boolean>
  /** In the order in which it was set aside; strictly after `after`, at most `limit` (1 to 1,000). */
  listSetAside(
    name: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredSetAside[]>
  /** Of these numbers, and of no other sink; how many there were. */
  removeSetAside(name: string, sequences: readonly number[], because?: Because): Promise<number>
}
