/** A message's properties as a device gets them over MQTT (azure-iot.md §3.2): its own first, then the system's. */

import { formatTimestamp } from '@holdfast/base'
import { type BagEntry, formatBag } from '@holdfast/iothub'
import type { Command } from './command.ts'

/** Every slash is encoded: Node's client splits the topic at them. */
export function formatCommandBag(command: Command): string {
  const { messageId, correlationId, userId, contentType, contentEncoding, ack } = command
  const entries: BagEntry[] = command.properties.map(([name, value]) => ({ name, value }))
  const system: readonly (readonly [string, string | undefined])[] = [
    ['$.mid', messageId],
    ['$.cid', correlationId],
    ['$.uid', userId],
    ['$.to', command.to],
    ['$.exp', formatTimestamp(command.expires)],
    ['$.ct', contentType],
    ['$.ce', contentEncoding],
    ['iothub-ack', ack === 'none' ? undefined : ack],
  ]
  for (const [name, value] of system) if (value !== undefined) entries.push({ name, value })
  return formatBag(entries)
}
