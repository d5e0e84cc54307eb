/** From the factory to the end of a device: models, manifests, owners, claims, lives. */

import { ofHub, ofSubject } from './definition.ts'

const MODEL = { tier: 'text', manufacturer: 'text' } as const

const LIFE = {
  move: 'text',
  from: 'text',
  to: 'text',
  reason: 'text?',
  note: 'text?',
  model: 'text?',
  before: 'text?',
} as const

export const SUPPLY_EVENTS = {
  'model.created': ofSubject(MODEL),
  'model.updated': ofSubject(MODEL),
  'model.deleted': ofSubject({}),
  'manufacturer.added': ofSubject({ sha256: 'text' }),
  'manufacturer.removed': ofSubject({}),
  'manifest.imported': ofSubject({
    manufacturer: 'text',
    name: 'text',
    imported: 'number',
    duplicate: 'number',
    conflict: 'number',
    malformed: 'number',
  }),
  'manifest.refused': ofHub({ manufacturer: 'text', code: 'text' }),
  'owner.added': ofSubject({}),
  'owner.removed': ofSubject({}),
  'claim.accepted': ofSubject({ owner: 'text', registrationId: 'text', by: 'text', model: 'text' }),
  'claim.refused': ofHub({ code: 'text', by: 'text', owner: 'text' }),
  'claim.expired': ofSubject({ manifest: 'text', model: 'text' }),

  'device.life-changed': ofSubject(LIFE),
  'device.life-refused': ofSubject({ move: 'text', reason: 'text' }),
  'device.model-assigned': ofSubject(LIFE),
  'device.model-mismatch': ofSubject({ model: 'text', announced: 'text' }),
  'device.transfer-offered': ofSubject({ from: 'text', to: 'text', expires: 'text', clearsTags: 'flag' }),
  'device.transfer-withdrawn': ofSubject({ to: 'text' }),
  'device.transfer-refused': ofHub({ code: 'text', reason: 'text?' }),
  'device.transferred': ofSubject({ from: 'text', to: 'text', clearsTags: 'flag' }),
  'device.retired': ofSubject({ reason: 'text', generationId: 'text', serial: 'text', keys: 'number?' }),
} as const
