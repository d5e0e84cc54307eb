/** What lapses when. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const Lapse = shape('Lapse', {
  /** When it ends. */
  at: instant,
  kind: Type.Enum(['customer-authority', 'device-certificate', 'enrollment', 'hub', 'revocation-list']),
  /** Whose it is: `device/pump-1`, `authority/acme`, `certificate/server-certificate`. */
  subject: Type.String(),
  /** SHA-256 of a certificate, or a name; tells it from all others of its kind. */
  id: Type.String(),
  /** `lapsed`: it has ended. `due`: it should be renewed. `ahead`: neither. */
  state: Type.Enum(['lapsed', 'due', 'ahead']),
  /** From when on it is renewed; absent where somebody has to think of it. */
  renewal: Type.Optional(instant),
})
export type Lapse = Type.Static<typeof Lapse>

export const calendarOperations = {
  list: operation({
    id: 'calendar.list',
    method: 'GET',
    path: '/api/v1/credentials/calendar',
    summary: 'Lists what lapses, by time',
    action: 'certificate:read',
    on: 'devices',
    query: closed({ from: Type.Optional(instant), to: Type.Optional(instant), ...paging }),
    answer: { kind: 'json', schema: page('Lapse', Lapse) },
  }),
}
