/** Who may do what: organisations and what is in them, roles, and who has them. */

import { ofSubject } from './definition.ts'

export const ACCESS_EVENTS = {
  'organisation.added': ofSubject({ first: 'flag' }),
  'organisation.removed': ofSubject({}),
  'site.added': ofSubject({}),
  'site.removed': ofSubject({}),
  'fleet.added': ofSubject({}),
  'fleet.removed': ofSubject({}),
  'role.changed': ofSubject({ version: 'number' }),
  'role.removed': ofSubject({ version: 'number' }),
  'access.granted': ofSubject({ role: 'text', node: 'text', organisation: 'text' }),
  'access.revoked': ofSubject({ role: 'text', node: 'text', organisation: 'text' }),
  'access.fault': ofSubject({ action: 'text', errors: 'text' }),
  'device.placed': ofSubject({ fleet: 'text', before: 'text?' }),
} as const
