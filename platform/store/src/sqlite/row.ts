/** Taking checked values out of a row: SQLite's columns are `unknown` until somebody has looked. */

import type { SQLOutputValue } from 'node:sqlite'

export type Row = Record<string, SQLOutputValue>

/** @throws TypeError when the column is no safe integer; with STRICT tables that is a bug in the query. */
export function integerOf(row: Row | undefined, column: string): number {
  const value = row?.[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new TypeError(`column ${column} is no integer`)
  return value
}

/** As `integerOf`; undefined for NULL. */
export function optionalIntegerOf(row: Row | undefined, column: string): number | undefined {
  return row?.[column] === null ? undefined : integerOf(row, column)
}

export function textOf(row: Row | undefined, column: string): string {
  const value = row?.[column]
  if (typeof value !== 'string') throw new TypeError(`column ${column} is no text`)
  return value
}

/** The blob, in memory of its own. */
export function bytesOf(row: Row | undefined, column: string): Uint8Array<ArrayBuffer> {
  const value = row?.[column]
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} is no blob`)
  return value
}
