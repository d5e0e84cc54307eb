/** Taking in a manifest whose signature was found good: line by line, with a report of each. */

import { type Clock, timestampOf } from '@holdfast/base'
import type { Models } from '@holdfast/models'
import { codeDigest } from './claim-code.ts'
import { SupplyError } from './errors.ts'
import { IMPORT_BATCH } from './limits.ts'
import { type ManifestEntry, type ManifestHead, readManifestEntry, readManifestHead } from './manifest-entry.ts'
import { type ManifestLine, manifestLines } from './manifest-lines.ts'
import type { ImportCounts, ManifestRecord, SupplyStore } from './store.ts'
import { entryConflict, type ImportOutcome, type NewEntry } from './supply-entry.ts'

export interface LineReport {
  /** From 1; the head is line 1. */
  readonly line: number
  readonly outcome: 'imported' | 'duplicate' | 'conflict' | 'malformed'
  readonly serial?: string
  /** The member of the line that is wrong. */
  readonly member?: string
  readonly reason?: string
  /** What to do about it. */
  readonly remedy?: string
}

export interface ManifestImportsParts {
  readonly store: SupplyStore
  readonly models: Models
  readonly clock: Clock
  /** Base64; see `claim-code.ts`. */
  readonly codeKey: string
  /** How long an entry waits to be claimed, in milliseconds. */
  readonly claimLifeMs: number
}

/** The file as it was found, and whose signature it carries. */
export interface VerifiedManifest {
  readonly manufacturer: string
  /** Upper-case hex. */
  readonly sha256: string
  /** From the first byte on: the same bytes whose signature was verified. */
  readonly chunks: AsyncIterable<Uint8Array>
}

export class ManifestImports {
  readonly #parts: ManifestImportsParts
  #isBusy = false

  constructor(parts: ManifestImportsParts) {
    this.#parts = parts
  }

  /**
   * Imports, giving the reports of some lines at a time; whoever stops reading stops the import. What was taken by then
   * stays, and importing the same file again goes on from there.
   * @returns the record, at the end.
   * @throws SupplyError `busy`, `bad-manifest` (of the head; then nothing was taken), or what the store throws.
   */
  async *run(manifest: VerifiedManifest, actor: string): AsyncGenerator<readonly LineReport[], ManifestRecord> {
    if (this.#isBusy) throw new SupplyError('busy', 'another manifest is being imported; wait for it to end')
    this.#isBusy = true
    try {
      return yield* this.#run(manifest, actor)
    } finally {
      this.#isBusy = false
    }
  }

  async *#run(manifest: VerifiedManifest, actor: string): AsyncGenerator<readonly LineReport[], ManifestRecord> {
    const { store, clock } = this.#parts
    const counts = { imported: 0, duplicate: 0, conflict: 0, malformed: 0 }
    let record: ManifestRecord | undefined
    let promised = 0
    let entries = 0
    for await (const group of manifestLines(manifest.chunks)) {
      let lines = group
      if (record === undefined) {
        const [first, ...rest] = group
        const head = headOf(first, manifest.manufacturer)
        promised = head.entries
        record = this.#begun(head, manifest.sha256, actor)
        await store.writeManifest(record)
        lines = rest
      }
      for (let at = 0; at < lines.length; at += IMPORT_BATCH) {
        const reports = await this.#batch(lines.slice(at, at + IMPORT_BATCH), manifest)
        for (const { outcome } of reports) counts[outcome] += 1
        entries += reports.length
        yield reports
      }
    }
    if (record === undefined) throw badManifest('it is empty')
    if (entries !== promised) {
      counts.malformed += 1
      const reason = `the head says that ${promised} entries follow, and ${entries} do`
      const remedy = 'what was there is taken; ask the manufacturer which of the two is right'
      yield [{ line: 1, outcome: 'malformed', member: 'entries', reason, remedy }]
    }
    const done: ManifestRecord = { ...record, counts: { ...counts }, isComplete: true }
    await store.writeManifest(done, {
      type: 'manifest.imported',
      at: clock.wall(),
      subject: `manifest/${manifest.sha256}`,
      actor,
      detail: { manufacturer: manifest.manufacturer, name: record.name, ...counts },
    })
    return done
  }

  #begun({ name, manufacturer }: ManifestHead, sha256: string, actor: string): ManifestRecord {
    const counts: ImportCounts = { imported: 0, duplicate: 0, conflict: 0, malformed: 0 }
    const importedTime = this.#parts.clock.wall()
    return { sha256, name, manufacturer, importedTime, actor, counts, isComplete: false }
  }

  async #batch(lines: readonly ManifestLine[], manifest: VerifiedManifest): Promise<readonly LineReport[]> {
    const { store, clock, claimLifeMs } = this.#parts
    const now = clock.wall()
    const reports: (LineReport | undefined)[] = []
    const wanted: { readonly at: number; readonly line: number; readonly entry: NewEntry }[] = []
    for (const { number, text, fault } of lines) {
      const entry = text === undefined ? undefined : readManifestEntry(text)
      if (entry === undefined) {
        reports.push(malformed(number, '', fault ?? 'cannot be read'))
      } else if ('member' in entry) {
        reports.push(malformed(number, entry.member, entry.message))
      } else {
        const unfit = this.#unfit(entry, manifest.manufacturer)
        if (unfit === undefined) {
          const expires = timestampOf(now + claimLifeMs)
          wanted.push({
            at: reports.length,
            line: number,
            entry: {
              ...this.#kept(entry),
              manufacturer: manifest.manufacturer,
              manifest: manifest.sha256,
              importedTime: now,
              expires,
            },
          })
        }
        reports.push(unfit && reportOf(number, entry.serial, unfit))
      }
    }
    const outcomes = wanted.length === 0 ? [] : await store.importEntries(wanted.map(({ entry }) => entry))
    for (const [index, { at, line, entry }] of wanted.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) throw new TypeError('the store answers each entry')
      reports[at] = reportOf(line, entry.serial, outcome)
    }
    return reports.filter((report) => report !== undefined)
  }

  #unfit(entry: ManifestEntry, manufacturer: string): ImportOutcome | undefined {
    const { models } = this.#parts
    return entryConflict(entry, manufacturer, models.read(entry.model), models.requirements(entry.model))
  }

  /** The code's digest as it may be kept. */
  #kept({ codeSha256, ...entry }: ManifestEntry): Omit<ManifestEntry, 'codeSha256'> & { readonly codeDigest?: string } {
    return codeSha256 === undefined ? entry : { ...entry, codeDigest: codeDigest(this.#parts.codeKey, codeSha256) }
  }
}

function headOf(line: ManifestLine | undefined, manufacturer: string): ManifestHead {
  const head = line?.text === undefined ? undefined : readManifestHead(line.text)
  if (head === undefined) throw badManifest(`its first line ${line?.fault ?? 'is missing'}`)
  if ('member' in head) throw badManifest(`its first line is no head: ${head.member} ${head.message}`)
  if (head.manufacturer !== manufacturer) throw badManifest(`it is of another manufacturer than ${manufacturer}`)
  return head
}

function badManifest(why: string): SupplyError {
  return new SupplyError(
    'bad-manifest',
    `nothing was taken: ${why}; the first line is {"manifest":…,"manufacturer":…,"entries":…}`,
  )
}

function malformed(line: number, member: string, message: string): LineReport {
  const where = member === '' ? {} : { member }
  const reason = `${member === '' ? 'the line' : member} ${message}`
  return { line, outcome: 'malformed', ...where, reason, remedy: 'have the manufacturer correct and sign it again' }
}

function reportOf(line: number, serial: string, outcome: ImportOutcome): LineReport {
  if (outcome.kind !== 'conflict') return { line, outcome: outcome.kind, serial }
  return { line, outcome: 'conflict', serial, reason: outcome.reason, remedy: outcome.remedy }
}
