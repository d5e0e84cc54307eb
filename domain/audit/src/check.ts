/** Whether an event is what the catalogue says: an unknown type, or facts of another form, cannot be written. */

import { EVENTS, isEventType } from './catalogue/index.ts'
import type { EventDefinition, FactKind } from './catalogue/definition.ts'
import type { SecurityEvent } from './event.ts'
import { BODY_CHARACTERS_MAX, NAME_CHARACTERS_MAX, SOURCE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX } from './limits.ts'

/** How many events one stands for; `EventThrottle` adds it to any type. */
const REPEATED = 'repeated'

/** Of an event kept because no schema fits it: characters of its JSON, and of what is wrong. */
const MALFORMED_CHARACTERS_MAX = 4_096
const FAULT_CHARACTERS_MAX = 512

/** @throws TypeError naming every fault: a bug of whoever made the event. */
export function checkEvent(event: SecurityEvent): void {
  const faults = faultsOf(event)
  if (faults.length > 0) throw new TypeError(`an event that is not as the catalogue has it: ${faults.join('; ')}`)
}

/** What is wrong with an event; empty when all is well. */
export function faultsOf(event: SecurityEvent): readonly string[] {
  if (!isEventType(event.type)) return [`there is no type ${JSON.stringify(event.type)}`]
  const faults: string[] = []
  if (!Number.isSafeInteger(event.at)) faults.push('at: no time')
  for (const name of ['subject', 'actor'] as const) {
    if (!isText(event[name], NAME_CHARACTERS_MAX) || event[name] === '') faults.push(`${name}: no name`)
  }
  if (event.source !== undefined && !isText(event.source, SOURCE_CHARACTERS_MAX)) faults.push('source: no text')
  faults.push(...detailFaults(EVENTS[event.type], event))
  return faults
}

/**
 * The event as it can be kept: itself, or, where it is not as the catalogue has it, `audit.malformed` with what it said.
 * So a bug of ours loses nothing.
 */
export function keepable(event: SecurityEvent): SecurityEvent {
  const faults = faultsOf(event)
  if (faults.length === 0) return event
  const detail = {
    type: wellFormed(String(event.type), NAME_CHARACTERS_MAX),
    fault: wellFormed(faults.join('; '), FAULT_CHARACTERS_MAX),
    event: wellFormed(JSON.stringify(event), MALFORMED_CHARACTERS_MAX),
  }
  const at = Number.isSafeInteger(event.at) ? event.at : (0 as typeof event.at)
  const source = isText(event.source, SOURCE_CHARACTERS_MAX) ? { source: event.source } : {}
  return { type: 'audit.malformed', at, subject: 'hub', actor: 'hub', detail, ...source }
}

function detailFaults({ detail: schema }: EventDefinition, { type, detail }: SecurityEvent): readonly string[] {
  const faults: string[] = []
  let characters = 0
  for (const [name, value] of Object.entries(detail)) {
    const kind = Object.hasOwn(schema, name) ? schema[name] : name === REPEATED ? 'number' : undefined
    if (kind === undefined) faults.push(`${type}: ${JSON.stringify(name)} is no fact of it`)
    else if (!isOfKind(value, kind)) faults.push(`${type}: ${name} is no ${kind.replace('?', '')}`)
    characters += name.length + (typeof value === 'string' ? value.length : 0)
  }
  for (const [name, kind] of Object.entries(schema)) {
    if (!kind.endsWith('?') && !Object.hasOwn(detail, name)) faults.push(`${type}: ${name} is missing`)
  }
  if (characters > BODY_CHARACTERS_MAX) faults.push(`${type}: more than ${BODY_CHARACTERS_MAX} characters`)
  return faults
}

function isOfKind(value: unknown, kind: FactKind): boolean {
  switch (kind) {
    case 'text':
    case 'text?':
      return isText(value, TEXT_CHARACTERS_MAX)
    case 'number':
    case 'number?':
      // Not -0, which JSON cannot say.
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'flag':
    case 'flag?':
      return typeof value === 'boolean'
  }
}

/** Half a surrogate pair is no text: it has no bytes in UTF-8, and so none that can be committed to. */
function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length <= charactersMax && value.isWellFormed()
}

function wellFormed(text: string, charactersMax: number): string {
  return text.slice(0, charactersMax).toWellFormed()
}
