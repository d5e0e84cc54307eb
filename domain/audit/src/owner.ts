/** Under whose secret an event is sealed, and under which name it is found. */

import { EVENTS } from './catalogue/index.ts'
import type { SecurityEvent } from './event.ts'

/** Whose secret seals what is nobody's in particular. */
export const HUB_OWNER = 'hub'

/** The subject that a name belongs to: modules are their device's, and go with it. */
export function ownerOf(name: string): string {
  const [kind, id] = name.split('/', 2)
  return kind === 'device' && id !== undefined ? `device/${id}` : name
}

/** @param event of a type that the catalogue has. */
export function sealOwnerOf({ type, subject }: Pick<SecurityEvent, 'type' | 'subject'>): string {
  return EVENTS[type].seal === 'subject' ? ownerOf(subject) : HUB_OWNER
}
