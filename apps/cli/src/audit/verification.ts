/** Verifies a log as it streams by, and tells what came of it. */

import { BundleVerifier, type ForeignCheckpoint, formatFinding, parseBundleLine, type Verdict } from '@holdfast/audit'
import { TlogError, VerifierKey, encodeNote, parseTlogProof } from '@holdfast/tlog'
import type { World } from '../command.ts'
import { Failure } from '../failure.ts'
import { durationText, type Printer } from '../printer.ts'
import { type Chunks, linesOf } from './bundle-source.ts'
import { type WitnessAddress, checkpointOf } from './witness-source.ts'

/** Entries between two looks at the progress. */
const PROGRESS_ENTRIES = 10_000

export interface VerificationNeeds {
  readonly chunks: Chunks
  /** How failures name it. */
  readonly name: string
  readonly key: VerifierKey | undefined
  readonly foreign: readonly ForeignCheckpoint[]
  readonly witnesses: readonly WitnessAddress[]
  /** Told of each line, with its newline left off. */
  readonly onLine?: (line: string) => Promise<void> | void
}

/** Reads it to the end. @throws Failure when it cannot be read, or a witness cannot be asked. */
export async function verifyChunks(world: World, needs: VerificationNeeds): Promise<Verdict> {
  const lines = linesOf(needs.chunks, needs.name)
  const first = await lines.next()
  const begin = first.done === true ? '' : first.value
  const origin = needs.key?.name ?? originOf(begin)
  const seen: ForeignCheckpoint[] = []
  for (const witness of origin === undefined ? [] : needs.witnesses) {
    const note = await checkpointOf(witness, origin ?? '')
    if (note !== undefined) seen.push({ source: `witness ${witness.key.name}`, note })
  }
  const verifier = new BundleVerifier({
    ...(needs.key !== undefined && { key: needs.key }),
    witnesses: needs.witnesses.map(({ key }) => key),
    foreign: [...needs.foreign, ...seen],
  })
  const isShown = world.stderr.isTTY === true
  let shown = 0
  const take = async (line: string): Promise<void> => {
    verifier.push(line)
    await needs.onLine?.(line)
    if (!isShown || verifier.entries < shown + PROGRESS_ENTRIES) return
    shown = verifier.entries
    world.stderr.write(`\r${shown} entries verified`)
  }
  if (first.done !== true) await take(begin)
  for await (const line of lines) await take(line)
  if (shown > 0) world.stderr.write('\r\u001b[K')
  return verifier.end()
}

/** As JSON, or as lines; a log that does not hold ends in a failure that names the first finding. */
export async function tellVerdict(
  { print, world }: { readonly print: Printer; readonly world: World },
  verdict: Verdict,
  { isKeyGiven }: { readonly isKeyGiven: boolean },
): Promise<void> {
  const { findings, findingCount, isGood, entries, signedEntries, origin, cosignatures, bodies } = verdict
  const [first] = findings
  if (print.isJson || isGood) {
    const shown = {
      ...verdict,
      cosignatures: cosignatures.map(({ at, ...one }) => ({ ...one, time: new Date(at).toISOString() })),
      findings: findings.map((finding) => ({ ...finding, text: formatFinding(finding) })),
    }
    const unsigned = entries - signedEntries
    await print.result(shown, [
      `the log ${origin ?? ''} holds: ${entries} entries, ${signedEntries} of them signed for, ${verdict.checkpoints} checkpoints`,
      ...(unsigned > 0 ? [`the last ${unsigned === 1 ? 'one is' : `${unsigned} are`} not signed for yet`] : []),
      `bodies: ${bodies.checked} are what was committed to, ${bodies.shredded} were destroyed, ${bodies.withheld} were left out`,
      ...cosignatures.map(({ witness, size, at }) => {
        const age = durationText(Math.max(0, (world.now() - at) / 1_000))
        return `witness ${witness} cosigned ${size} entries ${age} ago`
      }),
      ...(isKeyGiven
        ? []
        : [`its key is what the log itself says, ${verdict.key ?? ''}; give one that you kept with --key`]),
    ])
  }
  if (isGood || first === undefined) return
  const more = findingCount === 1 ? '' : ` (and ${findingCount - 1} more; --json lists them)`
  throw new Failure(`the log does not hold: ${formatFinding(first)}${more}`, { code: 'audit-broken' })
}

/** A checkpoint from a file: a signed note, or a proof that has one. @throws Failure for what is neither, later. */
export function foreignOf(file: string, text: string): ForeignCheckpoint {
  const source = `the file ${file}`
  try {
    return { source, note: encodeNote(parseTlogProof(Buffer.from(text)).note) }
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    return { source, note: Buffer.from(text) }
  }
}

function originOf(line: string): string | undefined {
  const header = parseBundleLine(line)
  if (header?.kind !== 'bundle') return undefined
  try {
    return VerifierKey.parse(header.key).name
  } catch {
    // Told by the verification.
    return undefined
  }
}
