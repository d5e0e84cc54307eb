/** What every room of the hub stands on. A room is a file of this folder: it opens its part from what it needs of others. */

import { randomFillSync } from 'node:crypto'
import type { Clock } from '@holdfast/base'
import { systemClock } from '@holdfast/node/clock'
import { createLog, eventLog, type Log } from '@holdfast/telemetry'
import { EventLog } from '../core/event-log.ts'
import { Notices } from '../core/notices.ts'
import { choosePorts, type Ports } from '../core/ports.ts'
import type { DataFolder } from '../data-folder.ts'
import type { Settings } from '../settings.ts'
import type { Threads } from '../threads.ts'

export interface GroundNeeds {
  readonly settings: Settings
  readonly writeLog: (line: string) => void
  readonly threads: Threads
}

export interface Ground {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly threads: Threads
  readonly ports: Ports
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly log: Log
  readonly events: EventLog
  readonly notices: Notices
  /** A bug of ours, or a disk's or a network's failing that nobody waits for: told in the log. */
  readonly fault: (error: unknown) => void
  /** A request that met such a fault. */
  readonly requestFailed: (error: unknown, request: { readonly method: string; readonly path: string }) => void
  /** What was stored does not hold and is left out. */
  readonly damaged: (what: string, error: unknown) => void
}

export async function openGround(folder: DataFolder, { settings, writeLog, threads }: GroundNeeds): Promise<Ground> {
  const clock = systemClock
  const log = createLog({ format: settings.logFormat, level: settings.logLevel, write: writeLog })
  const fault = (error: unknown): void => log.error('internal fault', { error })
  return {
    settings,
    folder,
    threads,
    clock,
    random: (bytes) => randomFillSync(new Uint8Array(bytes)),
    log,
    events: new EventLog({ clock, write: eventLog(log), fault }),
    notices: new Notices(({ code, detail, advice }) => log.warn(`notice: ${detail}; ${advice}`, { code })),
    fault,
    requestFailed: (error, request) => log.error('request failed', { error, ...request }),
    damaged: (what, error) => log.error('left out, because it does not hold', { what, error }),
    ports: await choosePorts({ ...settings, address: settings.listen }),
  }
}
