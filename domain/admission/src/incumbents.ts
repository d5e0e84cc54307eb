/** Who is connected now, by identity: for rules about a newcomer beside somebody who is there. */

import { type IdentityKey, identityText } from '@holdfast/identity'
import type { ConnectionFacts } from './gate.ts'

/** Told by a gate's `admitted` and `ended`; so bounded by the connections of the hub. */
export class Incumbents {
  readonly #live = new Map<string, ConnectionFacts>()

  admitted(facts: ConnectionFacts): void {
    this.#live.set(identityText(facts.key), facts)
  }

  /** The newer one of a take-over is told of after this. */
  ended(facts: ConnectionFacts): void {
    const text = identityText(facts.key)
    if (this.#live.get(text) === facts) this.#live.delete(text)
  }

  find(key: IdentityKey): ConnectionFacts | undefined {
    return this.#live.get(identityText(key))
  }

  /** Whether `facts` are those of a connection that would push another one out; a request over HTTPS would not. */
  isNewcomer(facts: ConnectionFacts): boolean {
    const incumbent = this.find(facts.key)
    return facts.transport !== 'https' && incumbent !== undefined && incumbent !== facts
  }
}
