/** A stored message as readers of the Event Hubs-compatible endpoint get it (azure-iot.md §5.6). */

import { SectionWriter, type ValueWriter } from '@holdfast/amqp'
import { LruMap } from '@holdfast/base'
import { parseBag, RETAIN_PROPERTY, WILL_PROPERTY } from '@holdfast/iothub'
import type { TelemetryMessage } from '@holdfast/messaging'

/** Where a partition ends, for readers that want to know how far behind they are. */
export interface LastEnqueued {
  readonly sequenceNumber: number
  readonly offset: number
  readonly enqueuedTime: number
  readonly retrievedAt: number
}

interface Bag {
  readonly properties: readonly (readonly [string, string | null])[]
  readonly messageId?: string
  readonly correlationId?: string
  readonly userId?: string
  readonly to?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly expires?: number
  readonly subject?: string
  readonly interfaceId?: string
}

const SYSTEM: Readonly<Record<string, Exclude<keyof Bag, 'properties' | 'expires'>>> = {
  '$.mid': 'messageId',
  '$.cid': 'correlationId',
  '$.uid': 'userId',
  '$.to': 'to',
  '$.ct': 'contentType',
  '$.ce': 'contentEncoding',
  '$.sub': 'subject',
  '$.ifid': 'interfaceId',
}
/** Bags read lately: most messages of a device have the same. Those with an id of their own have not, and are not kept. */
const BAGS_MAX = 256
const BAG_KEPT_CHARACTERS_MAX = 1_024

export class EventEncoder {
  readonly #sections = new SectionWriter()
  readonly #bags = new LruMap<string, Bag>(BAGS_MAX)
  #last: { readonly text: string; readonly bag: Bag } | undefined

  encode(message: TelemetryMessage, last?: LastEnqueued): Buffer {
    const sections = this.#sections
    const bag = this.#bagOf(message.bag)
    if (last !== undefined) {
      sections.deliveryAnnotations(4, (values) => {
        values.symbol('last_enqueued_sequence_number')
        values.long(last.sequenceNumber)
        values.symbol('last_enqueued_offset')
        values.string(String(last.offset))
        values.symbol('last_enqueued_time_utc')
        values.timestamp(last.enqueuedTime)
        values.symbol('runtime_info_retrieval_time_utc')
        values.timestamp(last.retrievedAt)
      })
    }
    const optional: (readonly [string, string | undefined])[] = [
      ['iothub-connection-module-id', message.moduleId],
      ['dt-dataschema', message.modelId],
      ['dt-subject', bag.subject],
      ['iothub-interface-id', bag.interfaceId],
    ]
    const present = optional.filter(([, value]) => value !== undefined)
    sections.messageAnnotations(8 + present.length, (values) => {
      annotate(values, message)
      for (const [name, value] of present) {
        values.symbol(name)
        values.string(value ?? '')
      }
    })
    sections.properties({
      ...(bag.messageId === undefined ? {} : { messageId: bag.messageId }),
      ...(bag.userId === undefined ? {} : { userId: Buffer.from(bag.userId, 'utf8') }),
      ...(bag.to === undefined ? {} : { to: bag.to }),
      ...(bag.correlationId === undefined ? {} : { correlationId: bag.correlationId }),
      ...(bag.contentType === undefined ? {} : { contentType: bag.contentType }),
      ...(bag.contentEncoding === undefined ? {} : { contentEncoding: bag.contentEncoding }),
      ...(bag.expires === undefined ? {} : { absoluteExpiryTime: bag.expires }),
    })
    const marks = (message.isWill ? 1 : 0) + (message.isRetained ? 1 : 0)
    if (bag.properties.length + marks > 0) {
      sections.applicationProperties(bag.properties.length + marks, (values) => {
        for (const [name, value] of bag.properties) {
          values.string(name)
          if (value === null) values.null()
          else values.string(value)
        }
        for (const { name, value } of [
          ...(message.isWill ? [WILL_PROPERTY] : []),
          ...(message.isRetained ? [RETAIN_PROPERTY] : []),
        ]) {
          values.string(name)
          values.string(value)
        }
      })
    }
    sections.data(message.body)
    return sections.take()
  }

  #bagOf(text: string): Bag {
    if (this.#last?.text !== text) this.#last = { text, bag: this.#findBag(text) }
    return this.#last.bag
  }

  #findBag(text: string): Bag {
    const kept = this.#bags.get(text)
    if (kept !== undefined) return kept
    const bag = readBag(text)
    if (bag.messageId === undefined && text.length <= BAG_KEPT_CHARACTERS_MAX) this.#bags.set(text, bag)
    return bag
  }
}

function annotate(values: ValueWriter, message: TelemetryMessage): void {
  values.symbol('x-opt-sequence-number')
  values.long(message.sequenceNumber)
  values.symbol('x-opt-offset')
  values.string(String(message.offset))
  values.symbol('x-opt-enqueued-time')
  values.timestamp(message.enqueuedTime)
  values.symbol('iothub-connection-device-id')
  values.string(message.deviceId)
  values.symbol('iothub-connection-auth-method')
  values.string(message.authMethod)
  values.symbol('iothub-connection-auth-generation-id')
  values.string(message.generationId)
  values.symbol('iothub-enqueuedtime')
  values.timestamp(message.enqueuedTime)
  values.symbol('iothub-message-source')
  values.string('Telemetry')
}

function readBag(text: string): Bag {
  // Of a name that stands twice, the last counts: a map of AMQP has each key once.
  const properties = new Map<string, string | null>()
  const system: Partial<Record<(typeof SYSTEM)[string], string>> = {}
  let expires: number | undefined
  for (const { name, value } of parseBag(text)) {
    const field = Object.hasOwn(SYSTEM, name) ? SYSTEM[name] : undefined
    if (field !== undefined) system[field] = value ?? ''
    else if (name === '$.exp') {
      const time = Date.parse(value ?? '')
      if (Number.isFinite(time)) expires = time
    } else if (!name.startsWith('$.')) properties.set(name, value)
  }
  return { ...system, ...(expires === undefined ? {} : { expires }), properties: [...properties] }
}
