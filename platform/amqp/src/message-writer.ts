/** A message as it leaves (AMQP 1.0 part 3, §3.2), section by section. */

import { APPLICATION_PROPERTIES, DATA, type MessageId, PROPERTIES, VALUE } from './message.ts'
import { Uuid } from './value-reader.ts'
import { ValueWriter } from './value-writer.ts'

/** A value of an application property that we send. Numbers are `int`. */
export type ApplicationProperty = string | number | null

export interface OutgoingProperties {
  readonly messageId?: MessageId
  readonly userId?: Uint8Array
  readonly to?: string
  readonly correlationId?: MessageId
  readonly contentType?: string
  readonly contentEncoding?: string
  /** Milliseconds since 1970. */
  readonly absoluteExpiryTime?: number
  readonly creationTime?: number
}

export interface OutgoingMessage extends OutgoingProperties {
  readonly applicationProperties?: ReadonlyMap<string, ApplicationProperty>
  /** Bytes are a Data section; a function writes one value. */
  readonly body: Uint8Array | ((writer: ValueWriter) => void)
}

const DELIVERY_ANNOTATIONS = 0x71
const MESSAGE_ANNOTATIONS = 0x72
/** Up to and with creation-time. */
const PROPERTIES_COUNT = 10

/** Sections in the order in which they are to stand. One writer serves many messages. */
export class SectionWriter {
  readonly values = new ValueWriter()

  deliveryAnnotations(pairs: number, write: (values: ValueWriter) => void): void {
    this.#map(DELIVERY_ANNOTATIONS, pairs, write)
  }

  messageAnnotations(pairs: number, write: (values: ValueWriter) => void): void {
    this.#map(MESSAGE_ANNOTATIONS, pairs, write)
  }

  properties(properties: OutgoingProperties): void {
    const { values } = this
    values.described(PROPERTIES)
    values.list(PROPERTIES_COUNT, () => {
      this.#id(properties.messageId)
      if (properties.userId === undefined) values.null()
      else values.binary(properties.userId)
      this.#text(properties.to)
      values.null()
      values.null()
      this.#id(properties.correlationId)
      this.#symbol(properties.contentType)
      this.#symbol(properties.contentEncoding)
      this.#time(properties.absoluteExpiryTime)
      this.#time(properties.creationTime)
    })
  }

  applicationProperties(pairs: number, write: (values: ValueWriter) => void): void {
    this.#map(APPLICATION_PROPERTIES, pairs, write)
  }

  data(bytes: Uint8Array): void {
    this.values.described(DATA)
    this.values.binary(bytes)
  }

  value(write: (values: ValueWriter) => void): void {
    this.values.described(VALUE)
    write(this.values)
  }

  /** The message; the writer begins the next. */
  take(): Buffer {
    return this.values.take()
  }

  #map(code: number, pairs: number, write: (values: ValueWriter) => void): void {
    this.values.described(code)
    this.values.map(pairs, () => write(this.values))
  }

  #id(id: MessageId | undefined): void {
    const { values } = this
    if (id === undefined) values.null()
    else if (typeof id === 'string') values.string(id)
    else if (id instanceof Uuid) values.uuid(id.bytes)
    else if (id instanceof Uint8Array) values.binary(id)
    else values.ulong(BigInt(id))
  }

  #text(text: string | undefined): void {
    if (text === undefined) this.values.null()
    else this.values.string(text)
  }

  #symbol(text: string | undefined): void {
    if (text === undefined) this.values.null()
    else this.values.symbol(text)
  }

  #time(time: number | undefined): void {
    if (time === undefined) this.values.null()
    else this.values.timestamp(time)
  }
}

/** Encodes one message. */
export function encodeMessage(message: OutgoingMessage): Buffer {
  const sections = new SectionWriter()
  sections.properties(message)
  const { applicationProperties, body } = message
  if (applicationProperties !== undefined && applicationProperties.size > 0) {
    sections.applicationProperties(applicationProperties.size, (values) => {
      for (const [name, value] of applicationProperties) {
        values.string(name)
        if (value === null) values.null()
        else if (typeof value === 'string') values.string(value)
        else values.int(value)
      }
    })
  }
  if (body instanceof Uint8Array) sections.data(body)
  else sections.value(body)
  return sections.take()
}
