/** One run from one seed: a hub, its devices, and everything that goes wrong. */

import { Device } from './device.ts'
import { Disk, Hub, type HubSettings, SMALL_LIMITS } from './hub.ts'
import { Violation } from './ledger.ts'
import { Vandal } from './vandal.ts'
import { World } from './world.ts'

export interface SimulationReport {
  readonly seed: number
  readonly happenings: number
  /** Virtual milliseconds. */
  readonly elapsed: number
  readonly connects: number
  readonly durable: number
  readonly acknowledged: number
  readonly duplicates: number
  readonly wills: number
  readonly crashes: number
  readonly cutOffs: number
}

/** Virtual milliseconds in which things go wrong, and within which all is well again afterwards. */
const TROUBLE_MS = 60_000
const PEACE_MS = 600_000

/** @throws Violation when a promise is broken; other errors are bugs that showed in other ways. */
export function simulate(seed: number): SimulationReport {
  const world = new World(seed)
  const { random } = world
  const disk = new Disk()
  let isPeace = false
  const stormy: HubSettings = {
    fronts: random.between(1, 4),
    limits: SMALL_LIMITS,
    logTrouble: random.pick([0, 0.05, 0.3]),
    outageMs: random.pick([500, 5_000, 20_000]),
    commitBytesMax: random.pick([300, 10_000_000]),
    storeTrouble: random.pick([0, 0.02, 0.2]),
    slowVerdicts: random.pick([0, 0.1, 0.5]),
  }
  let hub: Hub | undefined
  let crashes = 0
  let cutOffs = 0
  const current = (): Hub | undefined => hub
  const start = (): void => {
    const settings = isPeace ? { ...stormy, logTrouble: 0, storeTrouble: 0, slowVerdicts: 0 } : stormy
    hub = new Hub(world, disk, settings, () => {
      crashes += 1
      cutOffs += hub?.cutOffs ?? 0
      hub = undefined
      world.after(random.between(10, 3_000), start)
    })
  }
  start()

  const identities = Array.from({ length: random.between(2, 12) }, (_, index) => `device-${index}`)
  const devices = identities.flatMap((deviceId) =>
    Array.from(
      { length: random.chance(0.3) ? 2 : 1 },
      (_, client) =>
        new Device(world, current, {
          deviceId,
          client: String.fromCharCode(97 + client),
          messages: random.between(5, 120),
          window: random.between(1, 20),
          paceMs: random.pick([5, 50, 400]),
          latencyMs: random.pick([0.5, 5, 50]),
          lifeMs: random.pick([2_000, 10_000, 1e6]),
          onceChance: random.pick([0, 0.1, 1]),
          cleanChance: random.pick([0, 0.3, 1]),
          whimChance: random.pick([0, 0.02, 0.1]),
        }),
    ),
  )
  if (random.chance(0.5)) new Vandal(world, current, identities)
  const often = (meanMs: number, act: (hub: Hub) => void): void => {
    world.after(random.delay({ least: 1, mean: meanMs, most: 1e9 }), () => {
      if (isPeace) return
      if (hub !== undefined) act(hub)
      often(meanMs, act)
    })
  }
  if (random.chance(0.6)) often(20_000, (running) => running.kill())
  often(8_000, (running) => running.rotate())
  if (random.chance(0.6)) {
    often(5_000, (running) => {
      const deviceId = random.pick(identities)
      if (disk.disabled.has(deviceId)) return
      running.disable(deviceId, () => {})
      world.after(random.between(100, 10_000), () => disk.disabled.delete(deviceId))
    })
  }

  world.run(TROUBLE_MS)
  isPeace = true
  for (const device of devices) device.isCalm = true
  hub?.kill()
  const isDone = world.run(TROUBLE_MS + PEACE_MS, () => devices.every((device) => device.isDone))
  if (!isDone) {
    const stuck = devices.filter((device) => !device.isDone).map((device) => device.progress)
    throw new Violation(`no end in sight: ${stuck.join('; ')}`)
  }
  cutOffs += hub?.cutOffs ?? 0
  return {
    seed,
    happenings: world.happened,
    elapsed: Math.round(world.now),
    connects: devices.reduce((sum, device) => sum + device.connects, 0),
    durable: disk.ledger.durable,
    acknowledged: disk.ledger.acknowledged,
    duplicates: disk.ledger.duplicates,
    wills: disk.ledger.wills,
    crashes,
    cutOffs,
  }
}
