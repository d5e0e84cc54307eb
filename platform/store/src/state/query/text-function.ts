/** Gives a database the functions on texts that SQLite does not have, or has for ASCII alone, under one name. */

import type { DatabaseSync } from 'node:sqlite'
import { applyTextFunction, type TextFunctionName } from '@holdfast/iothub'
import { TEXT_FUNCTION } from './condition-sql.ts'

const NAMES: ReadonlySet<string> = new Set<TextFunctionName>([
  'LENGTH',
  'LOWER',
  'UPPER',
  'SUBSTRING',
  'INDEX_OF',
  'AS_NUMBER',
  'CONCAT',
])

export function addTextFunction(database: DatabaseSync): void {
  // Callable by statements alone: nothing that is stored in the file may call it.
  database.function(TEXT_FUNCTION, { deterministic: true, directOnly: true, varargs: true }, (name, ...operands) => {
    if (typeof name !== 'string' || !isName(name)) throw new TypeError('a function that the compiler does not write')
    const values = operands.map((value) => (typeof value === 'string' || typeof value === 'number' ? value : undefined))
    return applyTextFunction(name, values) ?? null
  })
}

function isName(name: string): name is TextFunctionName {
  return NAMES.has(name)
}
