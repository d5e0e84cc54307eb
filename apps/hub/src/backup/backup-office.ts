/**
 * Backups of the hub: streamed to who asks, or written on a schedule and restored on trial. One job at a time, in a thread
 * of its own; what it costs the rest of the hub is the copying of the databases.
 */

import { randomBytes } from 'node:crypto'
import { realpath, rm, statfs } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import type { BackupApi } from '@holdfast/api'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { BackupError, checkSealing, manifestText, newIdentity, ROOM_KEPT_BYTES, type Sealing } from '@holdfast/backup'
import { type Clock, formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import type { StoredBackup } from '@holdfast/store'
import { type BackupJob, startJob } from './backup-job.ts'
import {
  backupJson,
  type BackupRecord,
  type DrillRecord,
  messagesOf,
  parseSchedule,
  recordOf,
  type ScheduleRecord,
  storedOf,
} from './backup-record.ts'
import { removable, removeOurs, whatLies } from './retention.ts'
import { type Snapshot, type SnapshotParts, takeSnapshot, WORK_FOLDER } from './snapshot.ts'
import { usableFolder } from './target-folder.ts'

const SETTING = 'backupSchedule'
/** The file that is being written: after a crash, what to clear away. Another hub may write to the same folder. */
const UNDERWAY = 'backupUnderway'
const HOUR_MS = 3_600_000
/** After a failure, the next attempt of the schedule; milliseconds. */
const RETRY_MS = 15 * 60_000
/** So much later than it was to be taken a backup is overdue, and what was promised of backups is void; milliseconds. */
const OVERDUE_MS = 24 * HOUR_MS
const VOID_MS = 72 * HOUR_MS

export interface BackupOfficeParts extends SnapshotParts {
  readonly store: {
    readSetting(name: string): Promise<string | undefined>
    writeSetting(name: string, value: string, because?: SecurityEvent): Promise<void>
    listBackups(): Promise<readonly StoredBackup[]>
    writeBackup(backup: StoredBackup, because?: SecurityEvent): Promise<void>
    deleteBackup(id: string, because?: SecurityEvent): Promise<boolean>
  }
  readonly clock: Clock
  readonly events: EventSink
  readonly hostName: string
  readonly version: string
  /** Where the key-encryption key lives now. */
  readonly keyProvider: () => string
  /** Signs as the audit log does, a note over this text. */
  readonly sign: (text: string) => Uint8Array
  readonly setNotice: (code: string, notice: { readonly detail: string; readonly advice: string } | undefined) => void
  readonly fault: (error: unknown) => void
}

export interface Streamed {
  readonly id: string
  /** Its `return` gives it up, also before it was begun. */
  readonly body: AsyncIterableIterator<Uint8Array>
}

/** Everything that a backup needs from its beginning to its end. */
interface Begun {
  readonly id: string
  readonly job: BackupJob
  readonly snapshot: Snapshot
  /** About how many bytes it will have. */
  readonly bytes: number
}

export class BackupOffice {
  readonly #parts: BackupOfficeParts
  #schedule: ScheduleRecord | undefined
  #records: readonly BackupRecord[]
  #job: BackupJob | undefined
  #isBusy = false
  #isEnded = false
  #failure: string | undefined
  #notBefore = 0
  #drillNotBefore = 0
  #overdueHours = 0

  private constructor(
    parts: BackupOfficeParts,
    found: { readonly schedule: ScheduleRecord | undefined; readonly records: readonly BackupRecord[] },
  ) {
    this.#parts = parts
    this.#schedule = found.schedule
    this.#records = found.records
  }

  /** Also clears away what a crash has left. */
  static async open(parts: BackupOfficeParts): Promise<BackupOffice> {
    await rm(parts.folder.at(WORK_FOLDER), { recursive: true, force: true })
    const schedule = parseSchedule(await parts.store.readSetting(SETTING))
    const records = (await parts.store.listBackups()).map(recordOf)
    return new BackupOffice(parts, { schedule, records })
  }

  /** Newest first. */
  list(): readonly BackupApi.Backup[] {
    return this.#records.map(backupJson)
  }

  /**
   * Takes a backup for whoever reads `body`; it is taken when that has been read to its end, and failed when it is given up.
   * @throws BackupError.
   */
  async stream(sealing: Sealing, actor: string): Promise<Streamed> {
    checkSealing(sealing)
    const begun = await this.#begin({ sealing, to: 'stream', actor })
    return { id: begun.id, body: this.#streamed(begun, sealing, actor) }
  }

  show(): BackupApi.BackupScheduleState {
    const schedule = this.#schedule
    if (schedule === undefined) return {}
    const { everyHours, to, recipients, keep, drillHours } = schedule
    const drill = this.#nextDrill(schedule)
    return {
      schedule: { everyHours, to, recipients: [...recipients], keep, drillHours },
      nextTime: formatTimestamp(this.#next(schedule)),
      ...(drill === undefined ? {} : { nextDrillTime: formatTimestamp(drill) }),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    }
  }

  /** The first is taken at once. @throws BackupError `bad-recipient`, `unavailable` for a folder that cannot be used. */
  async schedule(wish: BackupApi.BackupSchedule, actor: string): Promise<BackupApi.BackupScheduleState> {
    const { clock, folder, store } = this.#parts
    checkSealing({ kind: 'recipients', recipients: wish.recipients })
    const to = resolve(wish.to)
    await usableFolder(to)
    // As it is on the disk: a link may lead anywhere.
    const [place, data] = await Promise.all([realpath(to), realpath(folder.path)])
    if (`${place}${sep}`.startsWith(`${data}${sep}`)) {
      throw new BackupError('unavailable', 'backups do not belong into the data folder: what takes that takes them too')
    }
    const since = clock.wall()
    const schedule = { ...wish, to, since }
    const { everyHours: hours, keep, recipients } = wish
    const detail = { hours, to, keep, recipients: recipients.join(' '), drills: wish.drillHours > 0 }
    await store.writeSetting(
      SETTING,
      JSON.stringify(schedule),
      this.#event('backup.scheduled', 'backups', actor, detail),
    )
    this.#schedule = schedule
    this.#notBefore = 0
    this.#told(undefined)
    void this.upkeep()
    return this.show()
  }

  /** @returns false where there is none. */
  async unschedule(actor: string): Promise<boolean> {
    if (this.#schedule === undefined) return false
    await this.#parts.store.writeSetting(SETTING, '', this.#event('backup.unscheduled', 'backups', actor, {}))
    this.#schedule = undefined
    this.#failure = undefined
    this.#told(undefined)
    return true
  }

  /** Restores one on trial. @returns undefined where there is none of this id. @throws BackupError `busy`, `unavailable`. */
  async drill(id: string, actor: string): Promise<BackupApi.Backup | undefined> {
    const record = this.#records.find((one) => one.id === id)
    if (record === undefined) return undefined
    const { file, drillIdentity } = record
    if (file === undefined || drillIdentity === undefined) {
      throw new BackupError(
        'unavailable',
        'the hub cannot open this backup: try it with its identity, holdfast backup verify FILE --identity FILE',
      )
    }
    this.#occupy()
    try {
      const drilled = { ...record, drill: await this.#drillOf({ ...record, file, drillIdentity }) }
      await this.#keep(drilled, this.#drillEvent(drilled, drilled.drill, actor))
      this.#told(this.#schedule)
      return backupJson(drilled)
    } finally {
      this.#isBusy = false
    }
  }

  /** What is due; to be called every minute. Never rejects. */
  async upkeep(): Promise<void> {
    const schedule = this.#schedule
    if (schedule === undefined || this.#isEnded) return
    const { clock, fault } = this.#parts
    const now = clock.wall()
    if (!this.#isBusy && now >= this.#next(schedule) && clock.monotonic() >= this.#notBefore) {
      try {
        await this.#takeScheduled(schedule)
        this.#failure = undefined
      } catch (error) {
        if (this.#isEnded) return
        this.#failure = error instanceof Error ? error.message : 'unknown'
        this.#notBefore = clock.monotonic() + RETRY_MS
        if (!isExpected(error)) fault(error)
      }
    }
    this.#told(this.#schedule)
    const drill = this.#nextDrill(schedule)
    if (drill === undefined || this.#isBusy || clock.wall() < drill || clock.monotonic() < this.#drillNotBefore) return
    const newest = this.#drillable()
    if (newest === undefined) return
    this.#drillNotBefore = clock.monotonic() + RETRY_MS
    await this.drill(newest.id, 'hub').catch(fault)
  }

  /** Ends what is under way. */
  async end(): Promise<void> {
    this.#isEnded = true
    await this.#job?.end()
    await rm(this.#parts.folder.at(WORK_FOLDER), { recursive: true, force: true })
  }

  async #takeScheduled(schedule: ScheduleRecord): Promise<void> {
    const { to, drillHours } = schedule
    const drill = drillHours > 0 ? await newIdentity() : undefined
    const recipients = [...schedule.recipients, ...(drill === undefined ? [] : [drill.recipient])]
    const sealing = { kind: 'recipients', recipients } as const
    const begun = await this.#begin({ sealing, to, actor: 'hub' })
    const { id, job, snapshot } = begun
    try {
      await usableFolder(to)
      await this.#clearUnderway()
      const { bavail, bsize } = await statfs(to)
      if (bavail * bsize < begun.bytes + ROOM_KEPT_BYTES) {
        throw new BackupError('no-room', `there is no room for a backup in ${to}; make some, or keep fewer`)
      }
      const time = formatTimestamp(snapshot.takenTime).replaceAll(/[-:]|\.\d+/g, '')
      const file = join(to, `holdfast-${this.#parts.hostName}-${time}-${id.slice(0, 8)}.tar.age`)
      await this.#parts.store.writeSetting(UNDERWAY, file)
      await job.thread.writeTo(file)
      const packed = await job.thread.packed()
      const record = { ...packed, id, takenTime: snapshot.takenTime, file, recipients: schedule.recipients }
      const kept = drill === undefined ? record : { ...record, drillIdentity: drill.identity }
      await this.#keep(kept, this.#takenEvent(kept, to, 'hub'))
    } catch (error) {
      this.#parts.events(this.#event('backup.failed', `backup/${id}`, 'hub', { to, reason: reasonOf(error) }))
      throw error
    } finally {
      await this.#finish(begun)
    }
    await this.#removeOldest(schedule)
  }

  /** Removes what a crash in the middle of a write has left. */
  async #clearUnderway(): Promise<void> {
    const file = await this.#parts.store.readSetting(UNDERWAY)
    if (file === undefined || file === '') return
    await rm(`${file}.part`, { force: true })
  }

  /** Those that the schedule does not keep any more; one that cannot be removed now is tried again after the next. */
  async #removeOldest(schedule: ScheduleRecord): Promise<void> {
    const { fault, store } = this.#parts
    const there: BackupRecord[] = []
    for (const record of this.#records) {
      try {
        // One that is gone or was changed shall not stand for one that is there; its disk may come back.
        if ((await whatLies(record)) === 'ours') there.push(record)
      } catch (error) {
        fault(error)
      }
    }
    for (const record of removable(there, schedule)) {
      const { id, file = '' } = record
      try {
        await removeOurs(record)
      } catch (error) {
        fault(error)
        continue
      }
      const event = this.#event('backup.removed', `backup/${id}`, 'hub', { file, reason: 'schedule' })
      await store.deleteBackup(id, event)
      this.#records = this.#records.filter((one) => one !== record)
    }
  }

  async #begin({
    sealing,
    to,
    actor,
  }: {
    readonly sealing: Sealing
    readonly to: string
    readonly actor: string
  }): Promise<Begun> {
    const { hostName, version, keyProvider, sign, events } = this.#parts
    this.#occupy()
    const id = randomBytes(16).toString('hex')
    const job = startJob({ sign: async (digest) => sign(manifestText(digest)) })
    this.#job = job
    let snapshot: Snapshot | undefined
    try {
      snapshot = await takeSnapshot(this.#parts, (state) => job.thread.uploadFiles(state))
      const { copies, sources, takenTime } = snapshot
      const manifest = {
        id,
        takenTime: formatTimestamp(takenTime),
        hostname: hostName,
        version,
        keyProvider: keyProvider(),
      }
      const { bytes } = await job.thread.begin({ copies, sources, manifest, sealing })
      // The other thread has its own of what was in memory.
      for (const source of sources) if ('content' in source) source.content.fill(0)
      return { id, job, snapshot, bytes }
    } catch (error) {
      events(this.#event('backup.failed', `backup/${id}`, actor, { to, reason: reasonOf(error) }))
      await snapshot?.release()
      await job.end()
      this.#job = undefined
      this.#isBusy = false
      throw error
    }
  }

  async #finish({ job, snapshot }: Begun): Promise<void> {
    this.#job = undefined
    await job.end()
    await snapshot.release()
    this.#isBusy = false
  }

  #streamed(begun: Begun, sealing: Sealing, actor: string): AsyncIterableIterator<Uint8Array> {
    const { id, job, snapshot } = begun
    let isOver = false
    const over = async (reason?: string): Promise<void> => {
      if (isOver) return
      isOver = true
      if (reason !== undefined) {
        this.#parts.events(this.#event('backup.failed', `backup/${id}`, actor, { to: 'stream', reason }))
      }
      await this.#finish(begun)
    }
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: async () => {
        if (isOver) return { done: true, value: undefined }
        try {
          const value = await job.thread.read()
          if (value !== undefined) return { done: false, value }
          const packed = await job.thread.packed()
          const recipients = sealing.kind === 'recipients' ? sealing.recipients : []
          const record: BackupRecord = { ...packed, id, takenTime: snapshot.takenTime, recipients }
          await this.#keep(record, this.#takenEvent(record, 'stream', actor))
        } catch (error) {
          await over(reasonOf(error))
          throw error
        }
        await over()
        return { done: true, value: undefined }
      },
      return: async () => {
        await over('whoever read it went away')
        return { done: true, value: undefined }
      },
    }
  }

  async #drillOf({
    file,
    drillIdentity: identity,
    manifestDigest,
  }: BackupRecord & { readonly file: string; readonly drillIdentity: string }): Promise<DrillRecord> {
    const { clock, folder } = this.#parts
    const scratch = folder.at(WORK_FOLDER, randomBytes(8).toString('hex'))
    const job = startJob({ sign: async () => undefined })
    this.#job = job
    const begun = clock.monotonic()
    const seconds = (): number => Math.round(clock.monotonic() - begun) / 1_000
    try {
      const { messages, uploads, root } = await job.thread.prove({ file, identity, scratch, manifestDigest })
      return { at: clock.wall(), isProved: true, seconds: seconds(), messages, uploads, root }
    } catch (error) {
      if (this.#isEnded) throw error
      return { at: clock.wall(), isProved: false, seconds: seconds(), reason: reasonOf(error) }
    } finally {
      this.#job = undefined
      await job.end()
      await rm(scratch, { recursive: true, force: true })
    }
  }

  async #keep(record: BackupRecord, because: SecurityEvent): Promise<void> {
    await this.#parts.store.writeBackup(storedOf(record), because)
    const others = this.#records.filter(({ id }) => id !== record.id)
    this.#records = [...others, record].toSorted((a, b) => b.takenTime - a.takenTime)
  }

  #occupy(): void {
    if (this.#isEnded) throw new BackupError('unavailable', 'the hub is being stopped')
    if (this.#isBusy) throw new BackupError('busy', 'a backup or a drill is under way; wait for its end')
    this.#isBusy = true
  }

  #drillable(): BackupRecord | undefined {
    return this.#records.find(({ file, drillIdentity }) => file !== undefined && drillIdentity !== undefined)
  }

  /** In a folder that holds none of the schedule's, the first is due at once. */
  #next({ everyHours, since, to }: ScheduleRecord): Timestamp {
    const last = this.#records.find(({ file }) => file !== undefined && dirname(file) === to)?.takenTime
    return last === undefined ? since : timestampOf(last + everyHours * HOUR_MS)
  }

  #nextDrill({ drillHours }: ScheduleRecord): Timestamp | undefined {
    if (drillHours === 0 || this.#drillable() === undefined) return undefined
    const drilled = this.#records.flatMap(({ drill }) => (drill === undefined ? [] : [drill.at]))
    if (drilled.length === 0) return this.#drillable()?.takenTime
    return timestampOf(Math.max(...drilled) + drillHours * HOUR_MS)
  }

  /** What an operator has to know about the schedule. */
  #told(schedule: ScheduleRecord | undefined): void {
    const { clock, events, setNotice } = this.#parts
    const late = schedule === undefined ? 0 : clock.wall() - this.#next(schedule)
    const hours = late >= VOID_MS ? VOID_MS / HOUR_MS : late >= OVERDUE_MS ? OVERDUE_MS / HOUR_MS : 0
    setNotice(
      'backup-overdue',
      hours === 0
        ? undefined
        : {
            detail: `no backup has been taken for ${hours === 24 ? 'a day' : 'three days'} longer than the schedule says${hours === 24 ? '' : ', and there is none to count on'}`,
            advice: `mend what keeps it: ${this.#failure ?? 'see holdfast backup list'}`,
          },
    )
    setNotice(
      'backup-failed',
      this.#failure === undefined
        ? undefined
        : {
            detail: `the last attempt to take a scheduled backup failed: ${this.#failure}`,
            advice: 'mend that; it is tried again within a quarter of an hour',
          },
    )
    if (hours > this.#overdueHours) events(this.#event('backup.overdue', 'backups', 'hub', { hours }))
    this.#overdueHours = hours
    const failed = this.#drillable()?.drill
    setNotice(
      'backup-unproved',
      failed === undefined || failed.isProved
        ? undefined
        : {
            detail: `the newest backup that was restored on trial does not hold: ${failed.reason ?? ''}`,
            advice: 'take another (holdfast backup create), and see whether disk and memory of this machine are sound',
          },
    )
  }

  #takenEvent(record: BackupRecord, to: string, actor: string): SecurityEvent {
    const { id, bytes, counts, recipients, manifestDigest } = record
    return this.#event('backup.taken', `backup/${id}`, actor, {
      to,
      digest: manifestDigest,
      bytes,
      devices: counts.devices,
      entries: counts.entries,
      messages: messagesOf(counts),
      recipients: recipients.join(' '),
    })
  }

  #drillEvent({ id, manifestDigest, counts }: BackupRecord, drill: DrillRecord, actor: string): SecurityEvent {
    if (!drill.isProved) {
      return this.#event('restore.failed', `backup/${id}`, actor, { reason: drill.reason ?? 'unknown' })
    }
    return this.#event('restore.proved', `backup/${id}`, actor, {
      digest: manifestDigest,
      root: drill.root ?? '',
      devices: counts.devices,
      entries: counts.entries,
      messages: drill.messages ?? 0,
      uploads: drill.uploads ?? 0,
      seconds: drill.seconds,
    })
  }

  #event(type: SecurityEvent['type'], subject: string, actor: string, detail: SecurityEvent['detail']): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject, actor, detail }
  }
}

/** Messages of ours say no secret, and are bounded. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 1_000) : 'unknown'
}

/** What happens to disks and says what to do; the rest is a fault of ours. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && ['BackupError', 'StoreUnavailableError'].includes(error.name)
}
