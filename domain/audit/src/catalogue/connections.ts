/** Who comes and goes, who is turned away, and what is asked of devices. */

import { ofHub, ofSubject } from './definition.ts'

export const CONNECTION_EVENTS = {
  'session.opened': ofSubject({ credential: 'text' }),
  'session.closed': ofSubject({ reason: 'text', seconds: 'number', detail: 'text?' }),
  'session.refused': ofHub({ code: 'text', detail: 'text', transport: 'text' }),
  'session.lane-changed': ofSubject({ lane: 'text', reasons: 'text' }),
  'session.not-admitted': ofSubject({ gate: 'text', code: 'text', detail: 'text' }),
  'session.telemetry-withheld': ofSubject({ lane: 'text' }),
  'session.taken-over': ofSubject({}),
  'session.cut-off': ofHub({
    reason: 'text',
    sessions: 'number',
    milliseconds: 'number?',
    transport: 'text?',
  }),
  'connection.turned-away': ofHub({ reason: 'text', detail: 'text', count: 'number' }),
  'request.refused': ofHub({ reason: 'text', method: 'text?', operation: 'text?', address: 'text?' }),
  'request.throttled': ofHub({ operation: 'text', limit: 'text', count: 'number' }),

  'amqp.opened': ofSubject({ transport: 'text' }),
  'amqp.refused': ofHub({ code: 'text', detail: 'text' }),
  'amqp.closed': ofSubject({ reason: 'text' }),
  'amqp.link-refused': ofHub({ link: 'text', condition: 'text' }),

  'upload.granted': ofSubject({ upload: 'text' }),
  'upload.completed': ofSubject({ upload: 'text', bytes: 'number' }),
  'upload.failed': ofSubject({ upload: 'text', reason: 'text', status: 'number?', bytes: 'number' }),
  'file.read': ofSubject({ upload: 'text', bytes: 'number' }),
  'file.deleted': ofSubject({ upload: 'text', bytes: 'number' }),

  'command.sent': ofSubject({ sequenceNumber: 'number', bytes: 'number', ack: 'text' }),
  'command.purged': ofSubject({ messages: 'number' }),
  'twin.changed': ofSubject({ sections: 'text', version: 'number' }),
  'method.invoked': ofSubject({ method: 'text', outcome: 'text', status: 'number?', milliseconds: 'number' }),
} as const
