/** Which entries of the log are meant: by type, subject, actor, organisation and time. */

import { isEventType, EVENT_TYPES } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { LogEntry } from './entry.ts'
import { FILTER_PATTERNS_MAX, PATTERN_CHARACTERS_MAX } from './limits.ts'

/** Every member narrows; of the patterns of one member, one has to fit. An empty filter means everything. */
export interface EventFilter {
  /** A type, or a group of them as `identity.*`. */
  readonly types?: readonly string[]
  /** A subject, or with a star at its end whatever begins so: `device/pump-*`. */
  readonly subjects?: readonly string[]
  readonly actors?: readonly string[]
  /** Of what belongs to these organisations; what belongs to none is left out then. */
  readonly organisations?: readonly string[]
  /** Not before. */
  readonly from?: Timestamp
  /** Before. */
  readonly until?: Timestamp
}

/** A filter made ready, so that a log is passed through quickly. An entry without its body fits by type and time alone. */
export function matcher(filter: EventFilter): (entry: LogEntry) => boolean {
  const { from, until } = filter
  const types = patterns(filter.types, '.*')
  const subjects = patterns(filter.subjects, '*')
  const actors = patterns(filter.actors, '*')
  const organisations = filter.organisations === undefined ? undefined : new Set(filter.organisations)
  const asksBody = subjects !== undefined || actors !== undefined || organisations !== undefined
  return ({ type, at, body, organisation }) => {
    if ((from !== undefined && at < from) || (until !== undefined && at >= until)) return false
    if (types !== undefined && !types(type)) return false
    if (body === undefined) return !asksBody
    if (subjects !== undefined && !subjects(body.subject)) return false
    if (actors !== undefined && !actors(body.actor)) return false
    if (organisations === undefined) return true
    return organisation !== undefined && organisations.has(organisation)
  }
}

/** @param star what a prefix ends with; of `.*` the dot is part of the prefix. */
function patterns(texts: readonly string[] | undefined, star: '*' | '.*'): ((text: string) => boolean) | undefined {
  if (texts === undefined) return undefined
  const whole = new Set(texts.filter((text) => !text.endsWith(star)))
  const prefixes = texts.filter((text) => text.endsWith(star)).map((text) => text.slice(0, -1))
  return (text) => whole.has(text) || prefixes.some((prefix) => text.startsWith(prefix))
}

/** What is wrong with a filter from outside, by member; empty when all is well. */
export function faultsOfFilter(filter: EventFilter): readonly { readonly path: string; readonly message: string }[] {
  const faults: { readonly path: string; readonly message: string }[] = []
  for (const name of ['types', 'subjects', 'actors', 'organisations'] as const) {
    const texts = filter[name]
    if (texts === undefined) continue
    if (texts.length === 0 || texts.length > FILTER_PATTERNS_MAX) {
      faults.push({ path: `/${name}`, message: `has 1 to ${FILTER_PATTERNS_MAX} members` })
    }
    for (const [at, text] of texts.slice(0, FILTER_PATTERNS_MAX).entries()) {
      const message = name === 'types' ? typeFault(text) : patternFault(text, name)
      if (message !== undefined) faults.push({ path: `/${name}/${at}`, message })
    }
  }
  if (filter.from !== undefined && filter.until !== undefined && filter.from >= filter.until) {
    faults.push({ path: '/until', message: 'is after from' })
  }
  return faults
}

/** A type that does not exist would be a filter that finds nothing, and nobody would notice. */
function typeFault(text: string): string | undefined {
  if (!text.endsWith('.*')) return isEventType(text) ? undefined : 'is no type of event'
  const prefix = text.slice(0, -1)
  return EVENT_TYPES.some((type) => type.startsWith(prefix)) ? undefined : 'is no group of types'
}

function patternFault(text: string, name: 'subjects' | 'actors' | 'organisations'): string | undefined {
  if (text === '' || text.length > PATTERN_CHARACTERS_MAX) return `has 1 to ${PATTERN_CHARACTERS_MAX} characters`
  const star = text.indexOf('*')
  if (name === 'organisations') return star === -1 ? undefined : 'is the name of one organisation'
  return star === -1 || star === text.length - 1 ? undefined : 'has a star at its end only'
}
