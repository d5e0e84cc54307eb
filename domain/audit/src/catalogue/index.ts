/**
 * The catalogue: every type of event that there is, with the version and the schema of its facts. A type that is not
 * here cannot be written. A new one goes into the file of its theme, or brings a file of its own.
 */

import { ACCESS_EVENTS } from './access.ts'
import { BACKUP_EVENTS } from './backups.ts'
import { CONNECTION_EVENTS } from './connections.ts'
import type { EventDefinition } from './definition.ts'
import { FORWARDING_EVENTS } from './forwarding.ts'
import { HUB_EVENTS } from './hub.ts'
import { IDENTITY_EVENTS } from './identities.ts'
import { PEOPLE_EVENTS } from './people.ts'
import { REVIEW_EVENTS } from './reviews.ts'
import { SUPPLY_EVENTS } from './supply.ts'
import { TOKEN_EVENTS } from './tokens.ts'
import { TRUST_EVENTS } from './trust.ts'

const ALL = {
  ...HUB_EVENTS,
  ...BACKUP_EVENTS,
  ...IDENTITY_EVENTS,
  ...TRUST_EVENTS,
  ...CONNECTION_EVENTS,
  ...SUPPLY_EVENTS,
  ...ACCESS_EVENTS,
  ...PEOPLE_EVENTS,
  ...FORWARDING_EVENTS,
  ...REVIEW_EVENTS,
  ...TOKEN_EVENTS,
} as const

export type EventType = keyof typeof ALL

export const EVENTS: Readonly<Record<EventType, EventDefinition>> = ALL

export const EVENT_TYPES: readonly EventType[] = Object.keys(ALL).filter(isEventType)

export function isEventType(name: string): name is EventType {
  return Object.hasOwn(ALL, name)
}
