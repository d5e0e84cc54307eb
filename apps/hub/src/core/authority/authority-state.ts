/**
 * What the hub's own authority consists of, as one file says it: roots side by side, the issuing authorities below them,
 * and where a roll-over stands. It is replaced in one step, and everything else in the folder follows from it.
 */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { type Certificate, encodePem } from '@holdfast/pki'
import { HubCertificateError, readCertificate } from '../certificate-file.ts'

const FORMAT = 'holdfast-authority'
const VERSION = 1
export const STATE_BYTES_MAX = 262_144

/** Roots that devices' certificates may rest on at once: one, two while they roll over, and those that were gone back from. */
export const GENERATIONS_MAX = 8
/** Issuing authorities that count at once: one of each root, and those before it whose certificates have not ended. */
export const ISSUERS_MAX = 32

/** Issuing authorities that roots have revoked. An operator who comes here rolls over. */
export const REVOKED_ISSUERS_MAX = 64

/** What the listeners show while authorities roll over. */
export type Serving =
  /** What they showed before. */
  | 'old'
  /** The new chain, and above it the new root as the old one vouches for it: whoever trusts either gets in. */
  | 'crossed'
  /** The new chain alone: whoever gets in trusts the new root. */
  | 'new'

export interface Generation {
  /** Counts up; names its files. */
  readonly number: number
  readonly root: Certificate
  /** The same root as the one before vouches for it (RFC 4210 §4.4, "new with old"). */
  readonly cross?: Certificate
}

export interface Rollover {
  /** The generation that is to come. */
  readonly generation: number
  readonly begunAt: Timestamp
  readonly serving: Serving
  /** Since when `serving` is as it is. */
  readonly servingSince: Timestamp
}

/** An issuing authority that its root has revoked: it stands in every list of that root. */
export interface RevokedIssuer {
  /** Of its root. */
  readonly generation: number
  /** Upper-case hex. */
  readonly serialNumber: string
  readonly at: Timestamp
}

export interface AuthorityState {
  /** The generation in use; while they roll over, the old one. */
  readonly current: number
  readonly rollover?: Rollover
  readonly generations: readonly Generation[]
  /** Oldest first; the last of a generation is the one that issues. */
  readonly issuers: readonly { readonly number: number; readonly generation: number }[]
  readonly revoked: readonly RevokedIssuer[]
  /** Number of the next generation or issuer; never used twice. */
  readonly next: number
}

export function formatState(state: AuthorityState): Buffer {
  const generations = state.generations.map(({ number, root, cross }) => ({
    number,
    root: encodePem('CERTIFICATE', root.der),
    ...(cross === undefined ? {} : { cross: encodePem('CERTIFICATE', cross.der) }),
  }))
  const document = { format: FORMAT, version: VERSION, ...state, generations }
  return Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`)
}

/** @throws HubCertificateError naming `path`, unless the text is a whole and consistent state. */
export function parseState(text: string, path: string): AuthorityState {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw damaged(path)
  }
  const { format, version, current, rollover, generations, issuers, revoked, next } = record(document, path)
  if (format !== FORMAT) throw damaged(path)
  if (version !== VERSION) throw new HubCertificateError(path, 'it was written by a newer version of Holdfast')
  const state: AuthorityState = {
    current: count(current, path),
    ...(rollover === undefined ? {} : { rollover: rolloverOf(rollover, path) }),
    generations: list(generations, GENERATIONS_MAX, path).map((it) => generationOf(it, path)),
    issuers: list(issuers, ISSUERS_MAX, path).map((it) => {
      const { number, generation } = record(it, path)
      return { number: count(number, path), generation: count(generation, path) }
    }),
    revoked: list(revoked, REVOKED_ISSUERS_MAX, path).map((it) => revokedOf(it, path)),
    next: count(next, path),
  }
  if (!isConsistent(state)) throw damaged(path)
  return state
}

/** The generation of this number. */
export function generation(state: AuthorityState, number: number): Generation {
  const found = state.generations.find((it) => it.number === number)
  if (found === undefined) throw new TypeError(`there is no generation ${number}`)
  return found
}

/** Generations whose roots devices are told to trust: the one in use, and the one that is to come. */
export function trusted(state: AuthorityState): readonly Generation[] {
  const { current, rollover } = state
  return [current, ...(rollover === undefined ? [] : [rollover.generation])].map((it) => generation(state, it))
}

function isConsistent({ current, rollover, generations, issuers, next }: AuthorityState): boolean {
  const numbers = new Set(generations.map(({ number }) => number))
  const all = [...generations, ...issuers].map(({ number }) => number)
  return (
    numbers.has(current) &&
    numbers.size === generations.length &&
    new Set(issuers.map(({ number }) => number)).size === issuers.length &&
    (rollover === undefined || (numbers.has(rollover.generation) && rollover.generation !== current)) &&
    issuers.every((it) => numbers.has(it.generation)) &&
    generations.every(({ number }) => issuers.some((it) => it.generation === number)) &&
    all.every((number) => number < next)
  )
}

function generationOf(value: unknown, path: string): Generation {
  const { number, root, cross } = record(value, path)
  if (typeof root !== 'string' || (cross !== undefined && typeof cross !== 'string')) throw damaged(path)
  return {
    number: count(number, path),
    root: readCertificate(root, path),
    ...(cross === undefined ? {} : { cross: readCertificate(cross, path) }),
  }
}

function revokedOf(value: unknown, path: string): RevokedIssuer {
  const { generation, serialNumber, at } = record(value, path)
  if (typeof serialNumber !== 'string' || !/^(?:[0-9A-F]{2}){1,20}$/.test(serialNumber)) throw damaged(path)
  return { generation: count(generation, path), serialNumber, at: timestampOf(count(at, path)) }
}

function rolloverOf(value: unknown, path: string): Rollover {
  const { generation, begunAt, serving, servingSince } = record(value, path)
  if (serving !== 'old' && serving !== 'crossed' && serving !== 'new') throw damaged(path)
  return {
    generation: count(generation, path),
    begunAt: timestampOf(count(begunAt, path)),
    serving,
    servingSince: timestampOf(count(servingSince, path)),
  }
}

function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged(path)
  return { ...value }
}

function list(value: unknown, lengthMax: number, path: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw damaged(path)
  return value
}

function count(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw damaged(path)
  return value
}

function damaged(path: string): HubCertificateError {
  return new HubCertificateError(path, 'it is damaged')
}
