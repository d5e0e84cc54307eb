/**
 * How much of a text nests, before anything reads it by recursion. What Cedar makes of a policy is a tree whose depth is
 * at most its brackets within brackets and its operators one after the other; both are bounded. Texts and comments are
 * skipped as Cedar's grammar has them (double quotes with backslashes; `//` to the end of the line).
 */

/** Operators of one policy, and annotations: some ten times what a policy that people can read has. */
export const POLICY_OPERATORS_MAX = 128

const TOKEN = /"(?:[^"\\]|\\[^])*"?|\/\/[^\n]*|[A-Za-z_][A-Za-z0-9_]*|&&|\|\||[<>=!]=|::|\S/g

const OPERATORS: ReadonlySet<string> = new Set([
  ...'&& || == != <= >= < > ! - + * . @'.split(' '),
  ...'if then else in like has is when unless'.split(' '),
])

export interface Nesting {
  /** The most brackets that are open at once. */
  readonly brackets: number
  /** The most operators of one policy. */
  readonly operators: number
}

export function nestingOf(text: string): Nesting {
  let open = 0
  let brackets = 0
  let count = 0
  let operators = 0
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '(' || token === '[' || token === '{') open += 1
    else if (token === ')' || token === ']' || token === '}') open -= 1
    else if (token === ';') count = 0
    else if (OPERATORS.has(token)) count += 1
    brackets = Math.max(brackets, open)
    operators = Math.max(operators, count)
  }
  return { brackets, operators }
}
