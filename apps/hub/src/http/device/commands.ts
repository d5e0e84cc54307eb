/** Messages to a device over HTTPS: received one by one under a lock, and settled by its token (azure-iot.md §4). */

import { formatTimestamp } from '@holdfast/base'
import type { Command, Outcome } from '@holdfast/commands'
import { empty } from '../hub/answer.ts'
import { HubError } from '../hub/errors.ts'
import type { DeviceCall } from './device-call.ts'

/** 200 with the next message, or 204. */
export async function receiveCommand({ services, device }: DeviceCall): Promise<Response> {
  const delivery = await services.commands.receive({ deviceId: device.identity.deviceId })
  if (delivery === undefined) return empty()
  const { command, lockToken } = delivery
  return new Response(new Uint8Array(command.body), { headers: [['etag', `"${lockToken}"`], ...headersOf(command)] })
}

/** 204, or 412 when the lock has ended. */
export async function settleCommand(
  { services, device }: DeviceCall,
  lockToken: string,
  outcome: Outcome,
): Promise<Response> {
  const result = await services.commands.settle({ deviceId: device.identity.deviceId }, lockToken, outcome)
  if (result === 'settled') return empty()
  throw new HubError('DeviceMessageLockLost', 'The lock of the message has ended; it will be delivered again.')
}

function headersOf(command: Command): [string, string][] {
  const given: readonly (readonly [string, string | undefined])[] = [
    ['iothub-messageid', command.messageId],
    ['iothub-sequencenumber', String(command.sequenceNumber)],
    ['iothub-to', command.to],
    ['iothub-expiry', formatTimestamp(command.expires)],
    ['iothub-correlationid', command.correlationId],
    ['iothub-userid', command.userId],
    ['iothub-ack', command.ack],
    ['iothub-enqueuedtime', formatTimestamp(command.enqueued)],
    ['iothub-deliverycount', String(command.deliveryCount)],
    ['iothub-contenttype', command.contentType],
    ['iothub-contentencoding', command.contentEncoding],
    ...command.properties.map(([name, value]) => [`iothub-app-${name}`, value] as const),
  ]
  return given.flatMap(([name, value]) => (value === undefined ? [] : [[name, headerText(value)]]))
}

/**
 * Text as the bytes of a header (RFC 9110 §5.5): UTF-8, one character a byte. What no header can carry is
 * percent-encoded: a line feed in a property must not become a header of its own.
 */
function headerText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  const bare = text.toWellFormed().replaceAll(/[\u0000-\u001f\u007f]/g, encodeURIComponent)
  return Buffer.from(bare, 'utf8').toString('latin1')
}
