/**
 * A manifest on its way in: written to a file while its digest is taken, then its signature is looked at, and only then
 * is anything of it read. So a file larger than memory is checked whole before a line of it counts.
 */

import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import {
  type LineReport,
  MANIFEST_BYTES_MAX,
  type ManifestImports,
  type ManifestRecord,
  ManifestSignature,
  type Manufacturers,
  SupplyError,
} from '@holdfast/supply'

/** Files that may be on their way in at once, each up to MANIFEST_BYTES_MAX on the disk. */
const INTAKES_MAX = 2
const READ_BYTES = 256 * 1_024

export interface ManifestIntakeParts {
  /** Made where there is none; nothing in it outlives the hub. */
  readonly folder: string
  readonly manufacturers: Manufacturers
  readonly imports: ManifestImports
  readonly random: (bytes: number) => Uint8Array
  readonly clock: Clock
  readonly events: EventSink
}

export interface Intake {
  readonly manufacturer: string
  readonly signature: Uint8Array
  readonly body: AsyncIterable<Uint8Array>
}

/** The import of a file whose signature was found good. It has begun; `next` until `ended`, or `end`. */
export interface ManifestReports {
  next(): Promise<
    | { readonly kind: 'reports'; readonly reports: readonly LineReport[] }
    | { readonly kind: 'ended'; readonly manifest: ManifestRecord }
  >
  /** Stops it: what was taken by then stays. */
  end(): Promise<void>
}

export class ManifestIntake {
  readonly #parts: ManifestIntakeParts
  #open = 0

  constructor(parts: ManifestIntakeParts) {
    this.#parts = parts
  }

  /** Takes away what a stop left behind. */
  async clear(): Promise<void> {
    const { folder } = this.#parts
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(folder)) await rm(join(folder, name), { force: true })
  }

  /**
   * Takes a file whole, looks at its signature and begins to import it. Whoever does not read the reports to their end
   * MUST call `end`.
   * @throws SupplyError `unknown-manufacturer`, `busy`, `bad-manifest` (too long, or without a head), `bad-signature`;
   *   what the disk throws.
   */
  async take(intake: Intake, actor: string): Promise<ManifestReports> {
    const { folder, manufacturers, random } = this.#parts
    const manufacturer = manufacturers.read(intake.manufacturer)
    if (manufacturer === undefined) {
      throw new SupplyError('unknown-manufacturer', "add its key first ('holdfast manufacturer add NAME KEY.pem')")
    }
    if (this.#open >= INTAKES_MAX) throw new SupplyError('busy', 'other manifests are being imported; wait for them')
    this.#open += 1
    const file = join(folder, Buffer.from(random(16)).toString('hex'))
    let isHandedOn = false
    try {
      const signature = await this.#spooled(file, intake.body)
      if (!signature.isSignedBy(manufacturer.publicKey, intake.signature)) {
        this.#tellRefusal(intake.manufacturer, signature.sha256(), actor)
        throw new SupplyError(
          'bad-signature',
          `nothing was taken: the signature is not that of ${intake.manufacturer} over this file`,
        )
      }
      isHandedOn = true
      const manifest = { manufacturer: intake.manufacturer, sha256: signature.sha256() }
      return await begun(this.#reports(file, manifest, actor))
    } finally {
      if (!isHandedOn) await this.#end(file)
    }
  }

  async *#reports(
    file: string,
    manifest: { readonly manufacturer: string; readonly sha256: string },
    actor: string,
  ): AsyncGenerator<readonly LineReport[], ManifestRecord | undefined> {
    const chunks = createReadStream(file, { highWaterMark: READ_BYTES })
    try {
      return yield* this.#parts.imports.run({ ...manifest, chunks }, actor)
    } finally {
      chunks.destroy()
      await this.#end(file)
    }
  }

  async #spooled(file: string, body: AsyncIterable<Uint8Array>): Promise<ManifestSignature> {
    const signature = new ManifestSignature()
    const handle = await open(file, 'wx', 0o600)
    try {
      let bytes = 0
      for await (const chunk of body) {
        bytes += chunk.length
        if (bytes > MANIFEST_BYTES_MAX) {
          throw new SupplyError(
            'bad-manifest',
            `nothing was taken: it has more than ${MANIFEST_BYTES_MAX} bytes; split it`,
          )
        }
        signature.update(chunk)
        await handle.writeFile(chunk)
      }
    } finally {
      await handle.close()
    }
    return signature
  }

  async #end(file: string): Promise<void> {
    this.#open -= 1
    await rm(file, { force: true })
  }

  #tellRefusal(manufacturer: string, sha256: string, actor: string): void {
    const { clock, events } = this.#parts
    const subject = `manifest/${sha256}`
    events({
      type: 'manifest.refused',
      at: clock.wall(),
      subject,
      actor,
      detail: { manufacturer, code: 'bad-signature' },
    })
  }
}

/** Reads the first reports at once: a generator that was never begun cleans up nothing, and a fault in the head is told now. */
async function begun(
  generator: AsyncGenerator<readonly LineReport[], ManifestRecord | undefined>,
): Promise<ManifestReports> {
  let ahead: Awaited<ReturnType<typeof generator.next>> | undefined = await generator.next()
  return {
    async next() {
      const { done, value } = ahead ?? (await generator.next())
      ahead = undefined
      if (done !== true) return { kind: 'reports', reports: value }
      if (value === undefined) throw new TypeError('the import was ended before')
      return { kind: 'ended', manifest: value }
    },
    async end() {
      await generator.return(undefined)
    },
  }
}
