/** Sinks in memory. */

import { type Because, eventsOf, type SecurityEvent } from '@holdfast/audit'
import type { Sink, SinkStore, StoredSetAside, StoredSink } from '../sink.ts'

export class MemorySinkStore implements SinkStore {
  readonly sinks = new Map<string, Sink & { cursor: number }>()
  readonly aside: (StoredSetAside & { readonly sink: string })[] = []
  readonly #told: (event: SecurityEvent) => void
  #sequence = 0

  constructor(told: (event: SecurityEvent) => void = () => undefined) {
    this.#told = told
  }

  async listSinks(): Promise<readonly StoredSink[]> {
    return [...this.sinks.values()].map((sink) => ({ ...sink, setAside: this.#asideOf(sink.name).length }))
  }

  async writeSink(
    ...[sink, { expected, cursor }, because]: Parameters<SinkStore['writeSink']>
  ): Promise<'written' | 'conflict'> {
    const found = this.sinks.get(sink.name)
    if (found?.etag !== (expected.kind === 'absent' ? undefined : expected.etag)) return 'conflict'
    this.sinks.set(sink.name, { ...sink, cursor: found?.cursor ?? cursor })
    this.#tell(because)
    return 'written'
  }

  async deleteSink(name: string, etag: string, because?: Because): Promise<'deleted' | 'conflict'> {
    if (this.sinks.get(name)?.etag !== etag) return 'conflict'
    this.sinks.delete(name)
    this.#remove(this.#asideOf(name).map(({ sequence }) => sequence))
    this.#tell(because)
    return 'deleted'
  }

  async moveSink(
    ...[{ name, createdTime }, { cursor, setAside }, because]: Parameters<SinkStore['moveSink']>
  ): Promise<boolean> {
    const sink = this.sinks.get(name)
    if (sink === undefined || sink.createdTime !== createdTime || sink.cursor > cursor) return false
    sink.cursor = cursor
    if (setAside !== undefined) this.aside.push({ ...setAside, sink: name, sequence: (this.#sequence += 1) })
    this.#tell(because)
    return true
  }

  async listSetAside(
    name: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredSetAside[]> {
    return this.#asideOf(name)
      .filter(({ sequence }) => sequence > after)
      .slice(0, limit)
      .map(({ sink: _sink, ...rest }) => rest)
  }

  async removeSetAside(name: string, sequences: readonly number[], because?: Because): Promise<number> {
    const known = this.#asideOf(name).filter(({ sequence }) => sequences.includes(sequence))
    this.#remove(known.map(({ sequence }) => sequence))
    if (known.length > 0) this.#tell(because)
    return known.length
  }

  #asideOf(name: string): readonly (StoredSetAside & { readonly sink: string })[] {
    return this.aside.filter(({ sink }) => sink === name)
  }

  #remove(sequences: readonly number[]): void {
    for (const sequence of sequences)
      this.aside.splice(
        this.aside.findIndex((it) => it.sequence === sequence),
        1,
      )
  }

  #tell(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.#told(event)
  }
}
