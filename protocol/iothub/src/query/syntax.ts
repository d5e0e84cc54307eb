/**
 * The syntax tree of a query (azure-iot.md §8.1). Plain data: it crosses between threads.
 *
 * What it means: a condition is true or false. A path that is not there, and a value of the wrong kind, make every
 * comparison false; `NOT` turns that round. Kinds are never converted: `'1' = 1` is false, and so is `'1' != 1`. Texts
 * are compared by their characters' numbers (code points), with case; null equals null.
 */

/** `devices.modules` are the modules' twins; devices do not have their modules' among them. */
export type QuerySource = 'devices' | 'devices.modules'

export interface Query {
  readonly source: QuerySource
  readonly selection: Selection
  /** Rows at most, over all pages. */
  readonly top?: number
  readonly where?: Expression
}

export type Selection =
  | { readonly kind: 'twins' }
  | { readonly kind: 'columns'; readonly columns: readonly PathColumn[] }
  /** One row a group; one row in all where it is grouped by nothing. */
  | { readonly kind: 'groups'; readonly columns: readonly GroupColumn[]; readonly by: readonly Path[] }

export interface PathColumn {
  readonly kind: 'path'
  readonly path: Path
  /** No two columns have one name. */
  readonly name: string
}

export type AggregateName = 'COUNT' | 'SUM' | 'AVG' | 'MIN' | 'MAX'

export type GroupColumn =
  /** The path that stands at this place of `by`. */
  | { readonly kind: 'group'; readonly at: number; readonly name: string }
  /** COUNT without a path counts rows, with one those that have it. SUM and AVG are of numbers, MIN and MAX of numbers, or of texts where no number is. */
  | { readonly kind: 'aggregate'; readonly aggregate: AggregateName; readonly path?: Path; readonly name: string }

/** Names from the root of the twin's document; the first is a field of it. */
export type Path = readonly [string, ...string[]]

export type Scalar = string | number | boolean | null

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='
export type Arithmetic = '+' | '-' | '*' | '/' | '%'

export type Expression =
  | { readonly kind: 'constant'; readonly value: Scalar }
  | { readonly kind: 'undefined' }
  | { readonly kind: 'array'; readonly items: readonly Scalar[] }
  | { readonly kind: 'path'; readonly path: Path }
  | {
      readonly kind: 'compare'
      readonly operator: Comparison
      readonly left: Expression
      readonly right: Expression
    }
  /** `isNegated`: NIN, true for what is there and not in the list. */
  | {
      readonly kind: 'in'
      readonly isNegated: boolean
      readonly operand: Expression
      readonly items: readonly Scalar[]
    }
  /** Two terms or more. */
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expression[] }
  | { readonly kind: 'not'; readonly term: Expression }
  | { readonly kind: 'negative'; readonly term: Expression }
  /** Of numbers; anything else, and a division by zero, is undefined. */
  | {
      readonly kind: 'arithmetic'
      readonly operator: Arithmetic
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly operands: readonly Expression[] }

export type TypeTestName =
  | 'IS_DEFINED'
  | 'IS_NULL'
  | 'IS_STRING'
  | 'IS_NUMBER'
  | 'IS_BOOL'
  | 'IS_OBJECT'
  | 'IS_ARRAY'
  /** A string, a number, a truth or null. */
  | 'IS_PRIMITIVE'

/** True or false of two texts; false of anything else. */
export type TextTestName = 'STARTS_WITH' | 'ENDS_WITH' | 'CONTAINS'

/** A number of numbers; undefined of anything else, and where there is none. */
export type NumberFunctionName = 'ABS' | 'EXP' | 'POWER' | 'SQUARE' | 'CEILING' | 'FLOOR' | 'SIGN' | 'SQRT'

/** See `text-functions.ts`. */
export type TextFunctionName = 'LENGTH' | 'LOWER' | 'UPPER' | 'SUBSTRING' | 'INDEX_OF' | 'AS_NUMBER' | 'CONCAT'

export type FunctionName = TypeTestName | TextTestName | NumberFunctionName | TextFunctionName
