/** Azure's AMQP addresses (azure-iot.md §5): what a link is for. */

import type { AmqpAbout } from './contract.ts'

export type LinkTarget =
  | { readonly kind: 'cbs' }
  | { readonly kind: 'command-sender' }
  | { readonly kind: 'queue'; readonly queue: 'feedback' | 'file-notifications' }
  /** Request and answer about the Event Hub. */
  | { readonly kind: 'management' }
  | { readonly kind: 'reader'; readonly group: string; readonly partition: number | undefined }
  /** The Event Hub under the hub's own name: it is elsewhere, though that is here. `rest` is what follows the entity. */
  | { readonly kind: 'events-on-hub'; readonly rest: string }
  /** Sending to the Event Hub: events come from devices. */
  | { readonly kind: 'event-sender' }
  /** Known to Azure, not yet here. */
  | { readonly kind: 'later'; readonly what: string }
  | { readonly kind: 'unknown' }

const SEGMENTS_MAX = 16

/**
 * Path of an address: without scheme, host and empty parts, percent-encoding undone. `amqps://hub/a/b`, `/a/b` and `a/b`
 * are one.
 */
export function pathOf(address: string): readonly string[] {
  const path = address.replace(/^[a-z]+:\/\/[^/]*/i, '')
  const segments = path.split('/', SEGMENTS_MAX + 2).filter((segment) => segment !== '')
  return segments.length > SEGMENTS_MAX ? [] : segments.map(decoded)
}

/** @param path from `pathOf`. Names are compared in any case, as Azure does. */
export function linkTargetOf(path: readonly string[], { entity, partitions }: AmqpAbout): LinkTarget {
  const [first = '', second = '', third = '', ...rest] = path.map((segment) => segment.toLowerCase())
  if (first === '$cbs' && path.length === 1) return { kind: 'cbs' }
  if (first === '$management' && path.length === 1) return { kind: 'management' }
  if (first === 'messages') {
    if (second === 'devicebound' && path.length === 2) return { kind: 'command-sender' }
    if (second === 'servicebound' && path.length === 3) {
      if (third === 'feedback') return { kind: 'queue', queue: 'feedback' }
      if (third === 'filenotifications') return { kind: 'queue', queue: 'file-notifications' }
    }
    if (second === 'events') return { kind: 'events-on-hub', rest: path.slice(2).join('/') }
  }
  if (first === 'devices') return { kind: 'later', what: 'devices over AMQP' }
  if (second === 'registrations') return { kind: 'later', what: 'device provisioning over AMQP' }
  if (first === entity.toLowerCase()) {
    if (path.length === 1 || second === 'partitions' || second === 'publishers') return { kind: 'event-sender' }
    if (second === '$management' && path.length === 2) return { kind: 'management' }
    const [partitionsWord, partition] = rest
    if (
      second === 'consumergroups' &&
      partitionsWord === 'partitions' &&
      partition !== undefined &&
      path.length === 5
    ) {
      return { kind: 'reader', group: path[2] ?? '', partition: partitionOf(partition, partitions) }
    }
  }
  return { kind: 'unknown' }
}

/** Whether a claim for `scope` covers `path`: it names it, or something that it lies in. */
export function covers(scope: readonly string[], path: readonly string[]): boolean {
  return scope.every((segment, index) => segment.toLowerCase() === path[index]?.toLowerCase())
}

/** A partition's number, or undefined for one that there is not. */
export function partitionOf(text: string, partitions: number): number | undefined {
  const partition = /^(?:0|[1-9]\d{0,3})$/.test(text) ? Number(text) : Number.NaN
  return partition < partitions ? partition : undefined
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
