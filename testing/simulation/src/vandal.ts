/** Somebody who sends whatever comes to mind. It must harm nobody else. */

import { encodeConnect, encodePublish } from '@holdfast/mqtt'
import type { Hub } from './hub.ts'
import { Link } from './link.ts'
import type { World } from './world.ts'

export class Vandal {
  readonly #world: World
  readonly #hub: () => Hub | undefined
  readonly #victims: readonly string[]

  constructor(world: World, hub: () => Hub | undefined, victims: readonly string[]) {
    this.#world = world
    this.#hub = hub
    this.#victims = victims
    this.#strike()
  }

  #strike(): void {
    const { random } = this.#world
    this.#world.after(random.delay({ least: 0, mean: 300, most: 5_000 }), () => {
      const hub = this.#hub()
      if (hub !== undefined) this.#attack(hub)
      this.#strike()
    })
  }

  #attack(hub: Hub): void {
    const { random } = this.#world
    const link = new Link(this.#world, { latencyMs: 5, lifeMs: 5_000 })
    link.toClient.attach({ received: () => {}, closed: () => {} })
    hub.connect(link, undefined)
    const bytes = this.#bytes()
    // Bits flip on the way.
    for (let flips = random.between(0, 4); flips > 0; flips--) {
      const at = random.between(0, bytes.length - 1)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7))
    }
    link.toHub.write(bytes)
    if (random.chance(0.5)) link.clientCloses()
  }

  #bytes(): Uint8Array {
    const { random } = this.#world
    if (random.chance(0.3)) return random.bytes(random.between(1, 300))
    const victim = random.pick(this.#victims)
    const connect = encodeConnect({
      clientId: 'vandal',
      username: 'hub.example/vandal/?api-version=2021-04-12',
      cleanSession: random.chance(0.5),
      keepAliveSeconds: 5,
    })
    const payload = new TextEncoder().encode(`${victim} vandal 0 0`)
    const publish = encodePublish({ topic: `devices/${victim}/messages/events/`, payload, qos: 1, packetId: 1 })
    return Uint8Array.from(Buffer.concat([connect, publish, random.bytes(random.between(0, 50))]))
  }
}
