/** What refusals of people become over HTTP. */

import { OperatorError, type OperatorErrorCode } from '@holdfast/operators'
import { Problem, type ProblemFacts } from '../core/problem.ts'

const ROWS: Readonly<Record<OperatorErrorCode, readonly [status: ProblemFacts['status'], detail: string]>> = {
  missing: [404, 'list those that there are'],
  exists: [409, 'choose another one'],
  invalid: [400, 'correct it and try again'],
  'too-many': [409, 'remove what is not needed any more'],
  'link-invalid': [403, 'ask for a new link: holdfast operator link at the first start, operator invite later'],
  'ceremony-over': [409, 'begin again'],
  'proof-refused': [403, 'try again, with the right passkey'],
  'code-unknown': [404, 'check the code, or begin again for a new one'],
  throttled: [429, 'wait a minute, then try again'],
  'last-passkey': [409, 'add another passkey first'],
  'last-operator': [409, 'invite somebody first'],
  'self-approval': [403, 'ask another operator'],
  'already-approved': [409, 'nothing is left for you to do'],
  'approvals-needed': [409, 'holdfast operator recover asks two others'],
  'not-enough-operators': [409, 'on the machine of the hub: holdfast operator recover NAME'],
  'not-allowed': [403, 'sign in anew'],
  'not-vouched': [403, 'ask an operator who did not invite you; on the machine of the hub while there is none'],
  'not-open': [409, 'propose it anew'],
  outdated: [409, 'holdfast proposal show ID, then approve what it shows'],
  'statement-refused': [403, 'see that the workstation is enrolled here and its clock is right'],
  'workstation-refused': [403, 'report the posture of your workstation'],
}

export function explainPeople(error: unknown): Problem | undefined {
  if (!(error instanceof OperatorError)) return undefined
  const [status, detail] = ROWS[error.code]
  return new Problem({ status, code: error.code, title: error.message, detail }, { cause: error })
}
