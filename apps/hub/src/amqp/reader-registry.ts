/**
 * Who reads which partition for which consumer group, over all fronts: owner levels ("epochs", azure-iot.md §5.6). A
 * reader with a level displaces those without one and those of its own or a lower level; one without waits its turn.
 */

import type { ReaderRequest, ReaderVerdict } from './contract.ts'

/** Readers without a level, of one partition and group: Azure's own bound. */
const READERS_WITHOUT_LEVEL_MAX = 5
/** Readers of one front: what a front's connections could attach is a multiple. */
const READERS_MAX = 20_000

export interface Displaced {
  readonly front: number
  readonly reader: number
  readonly detail: string
}

export class ReaderRegistry {
  readonly #byPlace = new Map<string, ReaderRequest[]>()
  readonly #places = new Map<string, string>()

  get readers(): number {
    return this.#places.size
  }

  /** Decides, and says who has to go. */
  open(request: ReaderRequest): { readonly verdict: ReaderVerdict; readonly displaced: readonly Displaced[] } {
    const place = `${request.partition} ${request.group.toLowerCase()}`
    const present = this.#byPlace.get(place) ?? []
    const owner = present.find(({ epoch }) => epoch !== undefined)
    const { epoch } = request
    if (this.#places.size >= READERS_MAX) return refused('amqp:resource-limit-exceeded', 'too many readers')
    if (epoch === undefined) {
      if (owner !== undefined) {
        return refused(
          'amqp:link:stolen',
          `At least one receiver for the endpoint is created with epoch of '${owner.epoch}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected.`,
        )
      }
      if (present.length >= READERS_WITHOUT_LEVEL_MAX) {
        return refused(
          'amqp:resource-limit-exceeded',
          `Exceeded the maximum number of allowed receivers per partition in a consumer group which is ${READERS_WITHOUT_LEVEL_MAX}.`,
        )
      }
      this.#put(place, [...present, request])
      return { verdict: { kind: 'in' }, displaced: [] }
    }
    if (owner?.epoch !== undefined && owner.epoch > epoch) {
      return refused(
        'amqp:link:stolen',
        `Receiver '${owner.name}' with a higher epoch '${owner.epoch}' already exists. Receiver '${request.name}' with epoch ${epoch} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.`,
      )
    }
    const displaced = present.map((one) => ({
      front: one.front,
      reader: one.reader,
      detail: `New receiver '${request.name}' with higher epoch of '${epoch}' is created hence current receiver '${one.name}' with epoch '${one.epoch ?? 'none'}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.`,
    }))
    for (const one of present) this.#places.delete(nameOf(one))
    this.#put(place, [request])
    return { verdict: { kind: 'in' }, displaced }
  }

  close(front: number, reader: number): void {
    const name = nameOf({ front, reader })
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#places.delete(name)
    const left = (this.#byPlace.get(place) ?? []).filter((one) => one.front !== front || one.reader !== reader)
    if (left.length === 0) this.#byPlace.delete(place)
    else this.#byPlace.set(place, left)
  }

  #put(place: string, readers: ReaderRequest[]): void {
    this.#byPlace.set(place, readers)
    for (const one of readers) this.#places.set(nameOf(one), place)
  }
}

function refused(
  condition: Extract<ReaderVerdict, { kind: 'refused' }>['condition'],
  detail: string,
): { readonly verdict: ReaderVerdict; readonly displaced: readonly Displaced[] } {
  return { verdict: { kind: 'refused', condition, detail }, displaced: [] }
}

function nameOf({ front, reader }: { readonly front: number; readonly reader: number }): string {
  return `${front} ${reader}`
}
