/** A witness as it is kept: a list of them, as JSON, in a setting of the store. */

import { TlogError, VerifierKey } from '@holdfast/tlog'

/** Each has up to 6,000 characters of a root, and the setting has room for 65,536. */
export const WITNESSES_MAX = 8

export interface WitnessRecord {
  readonly name: string
  readonly url: string
  /** As vkey. */
  readonly key: string
  /** PEM. */
  readonly ca?: string
  readonly allowPrivate: boolean
  /** Milliseconds since 1970, as the next two. */
  readonly addedAt: number
  /** When it cosigned last, as far as this was kept: not every time is. */
  readonly cosignedAt?: number
  readonly cosignedSize?: number
}

export function formatRecords(records: readonly WitnessRecord[]): string {
  return JSON.stringify(records)
}

/** @throws TypeError when what is stored is no list of witnesses: the store is damaged. */
export function parseRecords(text: string | undefined): readonly WitnessRecord[] {
  if (text === undefined) return []
  const values: unknown = JSON.parse(text)
  if (!Array.isArray(values)) throw new TypeError('the witnesses in the store are no list')
  return values.map(parseRecord)
}

function parseRecord(value: unknown): WitnessRecord {
  const fields = new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : [])
  const name = fields.get('name')
  const url = fields.get('url')
  const key = fields.get('key')
  const ca = fields.get('ca')
  const addedAt = fields.get('addedAt')
  const cosignedAt = fields.get('cosignedAt')
  const cosignedSize = fields.get('cosignedSize')
  if (typeof name !== 'string' || typeof url !== 'string' || typeof key !== 'string' || typeof addedAt !== 'number') {
    throw new TypeError('a witness in the store is damaged')
  }
  return {
    name,
    url,
    key,
    ...(typeof ca === 'string' && { ca }),
    allowPrivate: fields.get('allowPrivate') === true,
    addedAt,
    ...(typeof cosignedAt === 'number' && { cosignedAt }),
    ...(typeof cosignedSize === 'number' && { cosignedSize }),
  }
}

/** The key of a witness; undefined for what is none. */
export function witnessKeyOf(vkey: string): VerifierKey | undefined {
  try {
    const key = VerifierKey.parse(vkey)
    return key.kind === 'cosignature' ? key : undefined
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}
