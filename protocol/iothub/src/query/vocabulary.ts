/** The words of the language (azure-iot.md §8.1). Keywords and functions are read in any case, all else with case. */

import { QUERY_ARGUMENTS_MAX } from './limits.ts'
import type { AggregateName, FunctionName } from './syntax.ts'

export type Keyword =
  | 'SELECT'
  | 'TOP'
  | 'AS'
  | 'FROM'
  | 'WHERE'
  | 'GROUP'
  | 'BY'
  | 'AND'
  | 'OR'
  | 'NOT'
  | 'IN'
  | 'NIN'
  | 'TRUE'
  | 'FALSE'
  | 'NULL'
  | 'UNDEFINED'

const KEYWORDS: ReadonlySet<string> = new Set<Keyword>([
  'SELECT',
  'TOP',
  'AS',
  'FROM',
  'WHERE',
  'GROUP',
  'BY',
  'AND',
  'OR',
  'NOT',
  'IN',
  'NIN',
  'TRUE',
  'FALSE',
  'NULL',
  'UNDEFINED',
])

/** The keyword that `word` is, in whatever case; undefined for a name. */
export function keywordOf(word: string): Keyword | undefined {
  const upper = word.toUpperCase()
  return isKeyword(upper) ? upper : undefined
}

function isKeyword(word: string): word is Keyword {
  return KEYWORDS.has(word)
}

export const AGGREGATES: readonly AggregateName[] = ['COUNT', 'SUM', 'AVG', 'MIN', 'MAX']

interface Signature {
  readonly name: FunctionName
  readonly operandsMin: number
  readonly operandsMax: number
}

const one = (name: FunctionName): Signature => ({ name, operandsMin: 1, operandsMax: 1 })
const two = (name: FunctionName): Signature => ({ name, operandsMin: 2, operandsMax: 2 })

/** By every name that a function is called by. */
export const FUNCTIONS: ReadonlyMap<string, Signature> = new Map([
  ['IS_DEFINED', one('IS_DEFINED')],
  ['IS_NULL', one('IS_NULL')],
  ['IS_STRING', one('IS_STRING')],
  ['IS_NUMBER', one('IS_NUMBER')],
  ['IS_BOOL', one('IS_BOOL')],
  ['IS_OBJECT', one('IS_OBJECT')],
  ['IS_ARRAY', one('IS_ARRAY')],
  ['IS_PRIMITIVE', one('IS_PRIMITIVE')],
  ['STARTSWITH', two('STARTS_WITH')],
  ['STARTS_WITH', two('STARTS_WITH')],
  ['ENDSWITH', two('ENDS_WITH')],
  ['ENDS_WITH', two('ENDS_WITH')],
  ['CONTAINS', two('CONTAINS')],
  ['ABS', one('ABS')],
  ['EXP', one('EXP')],
  ['POWER', two('POWER')],
  ['SQUARE', one('SQUARE')],
  ['CEILING', one('CEILING')],
  ['FLOOR', one('FLOOR')],
  ['SIGN', one('SIGN')],
  ['SQRT', one('SQRT')],
  ['CONCAT', { name: 'CONCAT', operandsMin: 2, operandsMax: QUERY_ARGUMENTS_MAX }],
  ['LENGTH', one('LENGTH')],
  ['LOWER', one('LOWER')],
  ['UPPER', one('UPPER')],
  ['SUBSTRING', { name: 'SUBSTRING', operandsMin: 2, operandsMax: 3 }],
  ['INDEX_OF', two('INDEX_OF')],
  ['AS_NUMBER', one('AS_NUMBER')],
])

/** The fields of a twin's document that a path may begin with. */
export const TWIN_FIELDS: readonly string[] = [
  'deviceId',
  'moduleId',
  'etag',
  'deviceEtag',
  'status',
  'statusReason',
  'statusUpdateTime',
  'connectionState',
  'lastActivityTime',
  'cloudToDeviceMessageCount',
  'authenticationType',
  'x509Thumbprint',
  'modelId',
  'version',
  'tags',
  'properties',
  'capabilities',
  'deviceScope',
  'parentScopes',
  'configurations',
]
