/**
 * `ring.json`: data keys by epoch, each wrapped under the ring's root key, the root wrapped by the provider, and the
 * whole under a MAC. An entry that was changed, moved, swapped for another or taken out shows. An older copy of the
 * whole file does not show: it verifies, for it was once true.
 */

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Timestamp } from '@holdfast/base'
import { KEY_PURPOSES, type KeyPurpose } from './data-key.ts'
import * as document from './document.ts'
import { fileError } from './errors.ts'
import { EPOCH_MAX, RING_ENTRIES_MAX, WRAPPED_BYTES_MAX } from './limits.ts'

export const RING_FILE = 'ring.json'
const FORMAT = 'holdfast-key-ring'
const VERSION = 1

export interface RingEntry {
  readonly epoch: number
  readonly purpose: KeyPurpose
  readonly createdTime: Timestamp
  /** When another key of the purpose took over; absent on the current one. */
  readonly retiredTime?: Timestamp
  /** Present on a tombstone, and then `wrapped` is absent: exactly one of the two is there. */
  readonly droppedTime?: Timestamp
  readonly wrapped?: Uint8Array
}

export interface RingContent {
  /** 32 hex digits, random, made with the ring. */
  readonly id: string
  readonly provider: string
  readonly root: Uint8Array
  readonly nextEpoch: number
  /** By epoch, ascending. */
  readonly entries: readonly RingEntry[]
}

/** What is authenticated with the root key when the provider wraps it. */
export function rootContext(ringId: string): string {
  return `holdfast key ring 1|${ringId}`
}

export function entryContext(ringId: string, entry: { readonly purpose: KeyPurpose; readonly epoch: number }): string {
  return `holdfast data key 1|${ringId}|${entry.purpose}|${entry.epoch}`
}

/** The two keys that follow from the root: one wraps data keys, one makes the MAC (HKDF-SHA-256, RFC 5869). */
export function deriveKeys(root: Uint8Array): { readonly wrapping: Uint8Array; readonly mac: Uint8Array } {
  const derive = (label: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', root, new Uint8Array(0), `holdfast key ring 1|${label}`, 32))
  return { wrapping: derive('wrapping'), mac: derive('mac') }
}

export function formatRing(content: RingContent, macKey: Uint8Array): Uint8Array {
  const body = bodyOf(content)
  return new TextEncoder().encode(`${JSON.stringify({ ...body, mac: macOf(body, macKey) }, undefined, 1)}\n`)
}

/** A ring whose form is right and whose MAC is still to be verified: nothing of it may be believed before. */
export interface UnverifiedRing {
  readonly content: RingContent
  readonly mac: string
}

/** @throws KeyError `damaged` or `newer`. */
export function parseRing(bytes: Uint8Array, file: string): UnverifiedRing {
  try {
    const ring = document.parseDocument(bytes)
    if (ring.format !== FORMAT) throw new document.DocumentError('is no key ring')
    if (typeof ring.version === 'number' && ring.version > VERSION) {
      throw fileError('newer', {
        file,
        what: `it was written by a newer version (format ${ring.version})`,
        remedy: 'run that version',
      })
    }
    document.requireNames(ring, ['format', 'version', 'id', 'provider', 'root', 'nextEpoch', 'entries', 'mac'])
    document.countOf(ring.version, 'version', 1, VERSION)
    const entries = document.arrayOf(ring.entries, 'entries', RING_ENTRIES_MAX).map(parseEntry)
    const content = {
      id: document.textOf(ring.id, 'id', /^[0-9a-f]{32}$/),
      provider: document.textOf(ring.provider, 'provider', /^[\x21-\x7e]{1,200}$/),
      root: document.bytesOf(ring.root, 'root', 1, WRAPPED_BYTES_MAX),
      nextEpoch: document.countOf(ring.nextEpoch, 'nextEpoch', 1, EPOCH_MAX + 1),
      entries,
    }
    requireOrder(content)
    return { content, mac: document.textOf(ring.mac, 'mac', /^[0-9a-f]{64}$/) }
  } catch (cause) {
    if (!(cause instanceof document.DocumentError)) throw cause
    throw damaged(file, cause.message, cause)
  }
}

/** @throws KeyError `damaged`. */
export function verifyRing(ring: UnverifiedRing, macKey: Uint8Array, file: string): RingContent {
  const expected = Buffer.from(macOf(bodyOf(ring.content), macKey), 'hex')
  if (!timingSafeEqual(expected, Buffer.from(ring.mac, 'hex'))) {
    throw damaged(file, 'its seal does not match what is in it')
  }
  return ring.content
}

export function damaged(file: string, what: string, cause?: unknown): Error {
  return fileError(
    'damaged',
    {
      file,
      what: `the key ring is damaged or was edited: ${what}`,
      remedy: 'put back kek.json and ring.json from the same backup; do not delete them, for they alone open the data',
    },
    cause,
  )
}

function parseEntry(value: unknown): RingEntry {
  const entry = document.objectOf(value, 'entry')
  document.requireNames(entry, ['epoch', 'purpose', 'createdTime', 'retiredTime', 'droppedTime', 'key'])
  const purpose = KEY_PURPOSES.find((candidate) => candidate === entry.purpose)
  if (purpose === undefined) throw new document.DocumentError('an entry has an unknown purpose')
  if ((entry.key === undefined) === (entry.droppedTime === undefined)) {
    throw new document.DocumentError('an entry is neither a key nor a tombstone')
  }
  return {
    epoch: document.countOf(entry.epoch, 'epoch', 1, EPOCH_MAX),
    purpose,
    createdTime: document.timeOf(entry.createdTime, 'createdTime'),
    ...(entry.retiredTime === undefined ? {} : { retiredTime: document.timeOf(entry.retiredTime, 'retiredTime') }),
    ...(entry.droppedTime === undefined ? {} : { droppedTime: document.timeOf(entry.droppedTime, 'droppedTime') }),
    ...(entry.key === undefined ? {} : { wrapped: document.bytesOf(entry.key, 'key', 1, WRAPPED_BYTES_MAX) }),
  }
}

function requireOrder(content: RingContent): void {
  let last = 0
  const withCurrent = new Set<KeyPurpose>()
  for (const entry of content.entries) {
    if (entry.epoch <= last || entry.epoch >= content.nextEpoch) throw new document.DocumentError('epochs out of order')
    last = entry.epoch
    if (entry.retiredTime !== undefined) continue
    if (entry.droppedTime !== undefined || withCurrent.has(entry.purpose)) {
      throw new document.DocumentError('a purpose has two current keys, or a dropped one')
    }
    withCurrent.add(entry.purpose)
  }
}

/** The members in their one order, so that equal contents have equal texts. */
function bodyOf(content: RingContent): object {
  return {
    format: FORMAT,
    version: VERSION,
    id: content.id,
    provider: content.provider,
    root: document.formatBytes(content.root),
    nextEpoch: content.nextEpoch,
    entries: content.entries.map((entry) => ({
      epoch: entry.epoch,
      purpose: entry.purpose,
      createdTime: entry.createdTime,
      retiredTime: entry.retiredTime,
      droppedTime: entry.droppedTime,
      key: entry.wrapped === undefined ? undefined : document.formatBytes(entry.wrapped),
    })),
  }
}

function macOf(body: object, macKey: Uint8Array): string {
  return createHmac('sha256', macKey).update(JSON.stringify(body)).digest('hex')
}
