/** The two-person rule as it stands over every operation of `/api/v1`, wherever it is served. */

import { ALL_OPERATIONS, canBeProposed, type Operation } from '@holdfast/api'
import type { Problem } from '../../core/problem.ts'
import { TwoPersonRule } from '../../people/two-person-rule.ts'
import type { ManagementServices } from './services.ts'

const PROPOSABLE: ReadonlyMap<string, Operation> = new Map(
  ALL_OPERATIONS.filter(canBeProposed).map((operation) => [operation.id, operation]),
)

/** Undefined where there are no people. @param explain the problem of an error, where it is one that is known. */
export function twoPersonRule(
  { people, authorization, clock }: Pick<ManagementServices, 'people' | 'authorization' | 'clock'>,
  explain: (error: unknown) => Problem | undefined,
): TwoPersonRule | undefined {
  if (people === undefined || authorization === undefined) return undefined
  return new TwoPersonRule({ office: people, authorization, clock, operations: PROPOSABLE, explain })
}
