/** What the routes of people need of a call: the office, and the person who asks. */

import { OperatorError, type Operator, type SessionRecord } from '@holdfast/operators'
import type { PeopleOffice } from '../../people/people-office.ts'
import { requirePerson } from '../../people/presence.ts'
import { Problem } from '../../core/problem.ts'
import type { Call } from './route.ts'

export function peopleOf({ services }: Pick<Call, 'services'>): PeopleOffice {
  if (services.people !== undefined) return services.people
  throw new Problem({
    status: 503,
    code: 'no-people',
    title: 'this hub keeps no operators',
    detail: 'ask whoever runs it',
  })
}

/**
 * Who asks, as they are on the roll now.
 * @throws Problem 403 for machines, OperatorError `not-allowed` where the session ended meanwhile.
 */
export function askerOf(call: Call): { readonly operator: Operator; readonly session: SessionRecord } {
  const office = peopleOf(call)
  const person = requirePerson(call.actor)
  const session = office.sessions.find(person.session.id)
  const operator = office.roll.operatorNamed(person.id)
  if (session === undefined || operator?.state !== 'active')
    throw new OperatorError('not-allowed', 'this session is over')
  return { operator, session }
}

/** The part of a list that a page shows, by name. */
export function paged<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { after, limit = 100 }: { readonly after?: string; readonly limit?: number },
): { readonly items: readonly T[]; readonly next?: string } {
  const begin = after === undefined ? 0 : items.findIndex((item) => nameOf(item) === after) + 1
  const shown = items.slice(begin, begin + limit)
  const last = shown.at(-1)
  return { items: shown, ...(last !== undefined && begin + limit < items.length && { next: nameOf(last) }) }
}
