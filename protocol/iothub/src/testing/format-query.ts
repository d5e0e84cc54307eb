/** The text of a syntax tree, with every parenthesis: what was parsed reads to itself again. */

import type { Expression, GroupColumn, Path, Query, Scalar } from '../index.ts'

export function formatQuery({ source, selection, top, where }: Query): string {
  const columns = selection.kind === 'twins' ? '*' : columnsText(selection)
  const by =
    selection.kind === 'groups' && selection.by.length > 0 ? ` GROUP BY ${selection.by.map(formatPath).join(', ')}` : ''
  const limit = top === undefined ? '' : `TOP ${top} `
  return `SELECT ${limit}${columns} FROM ${source}${where === undefined ? '' : ` WHERE ${formatExpression(where)}`}${by}`
}

function columnsText(selection: Exclude<Query['selection'], { kind: 'twins' }>): string {
  const texts =
    selection.kind === 'columns'
      ? selection.columns.map(({ path, name }) => `${formatPath(path)} AS [[${name}]]`)
      : selection.columns.map((column) => `${groupColumnText(column, selection.by)} AS [[${column.name}]]`)
  return texts.join(', ')
}

function groupColumnText(column: GroupColumn, by: readonly Path[]): string {
  if (column.kind === 'aggregate') {
    return `${column.aggregate}(${column.path === undefined ? '' : formatPath(column.path)})`
  }
  const path = by[column.at]
  if (path === undefined) throw new TypeError('a column of a group that is not there')
  return formatPath(path)
}

export function formatPath(path: Path): string {
  const [field, ...names] = path
  return [field, ...names.map((name) => `[[${name}]]`)].join('.')
}

export function formatExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'constant':
      return formatScalar(expression.value)
    case 'undefined':
      return 'undefined'
    case 'array':
      return `[${expression.items.map(formatScalar).join(', ')}]`
    case 'path':
      return formatPath(expression.path)
    case 'compare':
    case 'arithmetic':
      return `(${formatExpression(expression.left)} ${expression.operator} ${formatExpression(expression.right)})`
    case 'in': {
      const items = expression.items.map(formatScalar).join(', ')
      return `(${formatExpression(expression.operand)} ${expression.isNegated ? 'NIN' : 'IN'} [${items}])`
    }
    case 'and':
    case 'or':
      return `(${expression.terms.map(formatExpression).join(expression.kind === 'and' ? ' AND ' : ' OR ')})`
    case 'not':
      return `(NOT ${formatExpression(expression.term)})`
    case 'negative':
      return `(- ${formatExpression(expression.term)})`
    case 'call':
      return `${expression.name}(${expression.operands.map(formatExpression).join(', ')})`
  }
}

function formatScalar(value: Scalar): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(value)
}
