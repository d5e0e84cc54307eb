/**
 * The demonstration fleet of `holdfast up --demo`: machines that prove themselves in every way the hub knows, and one
 * with a wrong key, so that a refusal is seen. Real TLS, real credentials; identities and keys are kept, so that a
 * restart goes on with the same.
 */

import { randomBytes, randomInt } from 'node:crypto'
import { backoffMs } from './backoff.ts'
import { DemoFolder } from './demo-folder.ts'
import { Device, type DeviceCredential } from './device.ts'
import type { HubApi } from './hub-api.ts'
import { Machine } from './machine-room.ts'
import type { Server } from './mqtt-socket.ts'
import { provision } from './provisioning.ts'
import { thumbprintOf } from './self-signed.ts'
import { keyOf } from './simulate.ts'

export interface DemoPlan {
  /** Symmetric keys. */
  readonly keys: readonly string[]
  /** Self-signed certificates, known by thumbprint. */
  readonly certificates: readonly string[]
  /** Registration ids of the enrolment group, provisioned over DPS. */
  readonly provisioned: readonly string[]
  readonly group: string
  /** Holds a wrong key. */
  readonly intruder: string
}

export const DEMO_PLAN: DemoPlan = {
  keys: ['demo-pump-1', 'demo-pump-2', 'demo-pump-3', 'demo-pump-4'],
  certificates: ['demo-press-1', 'demo-press-2'],
  provisioned: ['demo-sensor-1', 'demo-sensor-2'],
  group: 'demo-line',
  intruder: 'demo-intruder',
}

/** Between two messages of one machine, in milliseconds. */
const PAUSE_MS_MIN = 1_000
const PAUSE_MS_MAX = 3_000

export class Demo {
  readonly #hub: HubApi
  readonly #server: Server
  readonly #idScope: string
  readonly #folder: DemoFolder
  readonly #say: (line: string) => void
  readonly #devices: Device[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #isStopped = false

  constructor(options: {
    readonly hub: HubApi
    readonly server: Server
    readonly idScope: string
    readonly data: string
    readonly say: (line: string) => void
  }) {
    this.#hub = options.hub
    this.#server = options.server
    this.#idScope = options.idScope
    this.#folder = new DemoFolder(options.data)
    this.#say = options.say
  }

  get connected(): number {
    return this.#devices.filter((device) => device.isConnected).length
  }

  /**
   * Makes what is missing and connects. Resolves when every device has been started; provisioning goes on beside it.
   * @throws HubError when the hub does not take the identities.
   */
  async start(plan: DemoPlan = DEMO_PLAN): Promise<void> {
    for (const id of plan.keys) this.#run(id, { kind: 'key', key: await keyOf(this.#hub, id) })
    for (const id of plan.certificates) this.#run(id, await this.#certified(id))
    await this.#hub.createDevice({ deviceId: plan.intruder, auth: 'sas' })
    // Not the key the hub knows, by a chance of one in 2^256.
    this.#run(plan.intruder, { kind: 'key', key: randomBytes(32).toString('base64') })
    await this.#hub.createGroup({ id: plan.group, attestation: 'symmetric-key' })
    for (const id of plan.provisioned) void this.#provisioned(plan.group, id)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(this.#devices.map((device) => device.stop()))
  }

  /** The hub learns the certificate's thumbprint where the device is new or the certificate is. */
  async #certified(id: string): Promise<DeviceCredential> {
    const certificate = await this.#folder.certificateOf(id)
    const thumbprint = thumbprintOf(certificate.certificate)
    const isNew = await this.#hub.createDevice({ deviceId: id, auth: 'x509-thumbprint', thumbprints: [thumbprint] })
    if (!isNew) {
      const known = await this.#hub.showDevice(id)
      if (known.thumbprints?.includes(thumbprint) !== true)
        await this.#hub.changeDevice(id, { thumbprints: [thumbprint] })
    }
    return { kind: 'certificate', certificate }
  }

  /** Asks until the service assigns: an enrolment that is disabled may be enabled again. */
  async #provisioned(group: string, registrationId: string): Promise<void> {
    for (let attempt = 1; !this.#isStopped; attempt += 1) {
      try {
        const key = await this.#hub.derivedKey(group, registrationId)
        const assignment = await provision(this.#server, { idScope: this.#idScope, registrationId, key })
        if (!this.#isStopped) this.#run(assignment.deviceId, { kind: 'key', key })
        return
      } catch (error) {
        this.#say(error instanceof Error ? error.message : String(error))
        await new Promise<void>((resolve) => this.#after(backoffMs(attempt, randomInt(1_000) / 1_000), resolve))
      }
    }
  }

  #run(id: string, credential: DeviceCredential): void {
    const device = new Device(id, this.#server, credential)
    const machine = new Machine(() => randomInt(1_000_000) / 1_000_000)
    this.#devices.push(device)
    device.start()
    const speak = (): void => {
      // A machine goes on measuring while it is cut off; what is not sent is not made up for.
      const reading = machine.read()
      device.send(Buffer.from(JSON.stringify({ time: new Date().toISOString(), ...reading })))
      this.#after(randomInt(PAUSE_MS_MIN, PAUSE_MS_MAX), speak)
    }
    this.#after(randomInt(PAUSE_MS_MIN), speak)
  }

  #after(milliseconds: number, then: () => void): void {
    if (this.#isStopped) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      then()
    }, milliseconds)
    this.#timers.add(timer)
  }
}
