/** Any bytes as what devices and services write of a twin, one after the other. */

import { timestampOf } from '@holdfast/base'
import {
  checkSection,
  formatDesiredPatch,
  HubFormatError,
  mergeSection,
  newSection,
  parseTwinJson,
  readReportedPatch,
  readTwinPatch,
  readTwinReplacement,
  type SectionTree,
  type TwinObject,
} from '../index.ts'

const LINE = 0x0a

/** @throws Error when a rule is broken. */
export function runTwin(bytes: Uint8Array): void {
  let tree: SectionTree = newSection({}, { at: timestampOf(0), version: 1 })
  for (const [at, line] of linesOf(bytes).entries()) {
    readService(line)
    const patch = reportOf(line)
    if (patch === undefined) continue
    const stamp = { at: timestampOf(at), version: at + 2 }
    const after = mergeSection(tree, patch, stamp)
    const text = JSON.stringify(after.properties)
    must(JSON.stringify(checkSection(parseTwinJson(Buffer.from(text)), 'it')) === text, 'what is stored can be written')
    must(JSON.stringify(mergeSection(after, patch, stamp)) === JSON.stringify(after), 'a patch twice is a patch once')
    must(JSON.parse(formatDesiredPatch(JSON.stringify(patch), 7)).$version === 7, 'a push is JSON and has its version')
    tree = after
  }
  must(Reflect.ownKeys(Object.prototype).length === PROTOTYPE_KEYS, 'no key reaches the prototype of objects')
}

const PROTOTYPE_KEYS = Reflect.ownKeys(Object.prototype).length

function linesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let from = 0; from <= bytes.length && lines.length < 4; ) {
    const at = bytes.indexOf(LINE, from)
    const end = at < 0 ? bytes.length : at
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return lines
}

function reportOf(line: Uint8Array): TwinObject | undefined {
  try {
    return JSON.parse(readReportedPatch(line)) as TwinObject
  } catch (error) {
    if (error instanceof HubFormatError) return undefined
    throw error
  }
}

function readService(line: Uint8Array): void {
  for (const read of [readTwinPatch, readTwinReplacement]) {
    try {
      const { tags, desired } = read(line)
      for (const change of [tags, desired]) {
        if (change === undefined) continue
        JSON.parse(change.kind === 'merge' ? change.patch : change.properties)
      }
    } catch (error) {
      if (!(error instanceof HubFormatError)) throw error
    }
  }
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}
