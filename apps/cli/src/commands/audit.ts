/** `holdfast audit …`: the log of security events, and how anybody checks it. */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { formatTimestamp } from '@holdfast/base'
import { TlogError, VerifierKey, formatTlogProof } from '@holdfast/tlog'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { exportOf, openBundle } from '../audit/bundle-source.ts'
import { proveEntry, verifyEntryProof } from '../audit/entry-proof.ts'
import { foreignOf, tellVerdict, verifyChunks } from '../audit/verification.ts'
import { readKey, readWitnesses, type WitnessOptions } from '../audit/witness-source.ts'
import { collected, group, leaf, type World } from '../command.ts'
import { Failure, wrongUse } from '../failure.ts'
import type { HubClient } from '../hub-client.ts'
import { addAuditReviews } from './audit-review.ts'
import { addAuditSinks } from './audit-sink.ts'
import { addAuditViews } from './audit-view.ts'
import { addAuditEntries } from './audit-entries.ts'
import { addAuditWitnesses } from './audit-witness.ts'

interface VerifyFlags extends WitnessOptions {
  readonly key?: string
  readonly checkpoint?: readonly string[]
}

export function addAudit(program: Command, world: World): void {
  const audit = group(program, 'audit', 'the log of security events: verify, export, prove', 'holdfast audit verify')

  leaf<[string | undefined], VerifyFlags>(audit, world, {
    usage: 'verify [file]',
    summary: 'verify the whole log: of the hub, or of a file without any hub',
    example: 'holdfast audit verify log.bundle --key hub.example/audit+… --checkpoint kept.txt',
    notes:
      'Without a file the log is streamed from the hub and verified here. A file is a bundle (audit export), or the proof of\n' +
      'one entry (audit proof). The first entry that was altered, is missing or out of place is named, and the exit code is 1.\n' +
      'A log that was cut short or rewritten whole shows only beside something kept elsewhere: --checkpoint, --witness.',
    options: [
      new Option('--key <vkey>', "the log's key, as you kept it (audit key)"),
      new Option('--checkpoint <file>', 'a checkpoint that you kept; may be given more than once').argParser(collected),
      new Option('--witness <url>', 'a witness to ask; may be given more than once').argParser(collected),
      new Option('--witness-key <vkey>', 'the key of that witness').argParser(collected),
      new Option('--witness-ca <file>', 'the root of its certificate').argParser(collected),
    ],
    async run({ hub, print, world: here }, options, file) {
      const key = options.key === undefined ? undefined : readKey(options.key, 'note')
      const witnesses = readWitnesses(options)
      const proof = file === undefined || file === '-' ? undefined : proofIn(file)
      if (proof !== undefined) {
        if (key === undefined) throw wrongUse('a proof is verified with a key that you kept: give it with --key')
        await tellProof(proof, { key, witnesses: witnesses.map((witness) => witness.key), print })
        return
      }
      const verdict = await verifyChunks(here, {
        chunks: file === undefined ? await exportOf(hub, { bodies: true }) : openBundle(file),
        name: file === undefined ? 'the log of the hub' : file,
        key,
        foreign: (options.checkpoint ?? []).map((name) => foreignOf(name, readText(name))),
        witnesses,
      })
      await tellVerdict({ print, world: here }, verdict, { isKeyGiven: key !== undefined })
    },
  })

  leaf<[], { readonly to: string; readonly withoutBodies?: boolean }>(audit, world, {
    usage: 'export',
    summary: 'write the log to a file that anybody can verify without the hub',
    example: 'holdfast audit export --to log.bundle',
    options: [
      new Option('--to <file>', 'where to').makeOptionMandatory(),
      new Option('--without-bodies', 'leave out who and what: the file then shows only types and times'),
    ],
    async run({ hub, print, world: here }, { to, withoutBodies }) {
      // Under another name until it is whole, so that nobody takes a part for the log.
      const part = `${to}.part`
      const output = createWriteStream(part, { flags: 'wx', mode: 0o600 })
      try {
        await once(output, 'open')
        const verdict = await verifyChunks(here, {
          chunks: await exportOf(hub, { bodies: withoutBodies !== true }),
          name: 'the log of the hub',
          key: undefined,
          foreign: [],
          witnesses: [],
          async onLine(line) {
            if (!output.write(`${line}\n`)) await once(output, 'drain')
          },
        })
        output.end()
        await once(output, 'close')
        const isWhole = verdict.findings.every(({ kind }) => kind !== 'malformed')
        await (isWhole ? rename(part, to) : rm(part))
        // What does not hold is exported all the same: it is what there is, and shows where it does not.
        await tellVerdict({ print, world: here }, verdict, { isKeyGiven: false })
      } catch (error) {
        output.destroy()
        if (error instanceof Failure) {
          if (error.code !== 'audit-broken') await rm(part, { force: true })
          throw error
        }
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) await rm(part, { force: true })
        const why = error instanceof Error ? error.message : String(error)
        throw new Failure(`the log was not written to ${to}: ${why}`, { code: 'not-written', cause: error })
      }
    },
  })

  leaf<[string], { readonly to: string }>(audit, world, {
    usage: 'proof <index>',
    summary: 'write a proof that an entry is in the log; it is verified without the hub',
    example: 'holdfast audit proof 1234 --to 1234.tlog-proof',
    options: [new Option('--to <file>', 'where to').makeOptionMandatory()],
    async run({ hub, print }, { to }, text) {
      if (!/^\d{1,15}$/.test(text))
        throw wrongUse(`'${text}' is no index of an entry; 'holdfast events --json' shows them`)
      const key = await keyOf(hub)
      const proof = await proveEntry(hub, Number(text), key)
      try {
        await writeFile(to, formatTlogProof(proof), { flag: 'wx', mode: 0o600 })
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new Failure(`the proof was not written to ${to}: ${why}`, { code: 'not-written', cause: error })
      }
      await print.result({ index: proof.index, file: to, key: key.toString() }, [
        `the proof of entry ${proof.index} was written to ${to}; verify it with the key ${key.toString()}`,
      ])
    },
  })

  leaf<[], object>(audit, world, {
    usage: 'key',
    summary: 'print the public key of the log, for --key and for witnesses; keep it where the hub cannot reach it',
    example: 'holdfast audit key > hub.vkey',
    async run({ hub, print }) {
      const key = (await keyOf(hub)).toString()
      await print.result({ key }, [key])
    },
  })

  addAuditSinks(audit, world)
  addAuditViews(audit, world)
  addAuditReviews(audit, world)
  addAuditEntries(audit, world)
  addAuditWitnesses(audit, world)
}

async function keyOf(hub: HubClient): Promise<VerifierKey> {
  const { key } = await hub.audit.log()
  try {
    return VerifierKey.parse(String(key))
  } catch (cause) {
    throw new Failure('the hub answered with no key of a log; it may be of another version', { code: 'garbled', cause })
  }
}

/** The bytes of a proof; undefined for a bundle, which is read as it is verified. */
function proofIn(file: string): Uint8Array | undefined {
  if (!file.endsWith('.tlog-proof')) return undefined
  return Buffer.from(readText(file))
}

async function tellProof(
  bytes: Uint8Array,
  {
    key,
    witnesses,
    print,
  }: {
    readonly key: VerifierKey
    readonly witnesses: readonly VerifierKey[]
    readonly print: { result(value: object, lines: readonly string[]): Promise<void> }
  },
): Promise<void> {
  try {
    const { leaf: entry, origin, size, witnesses: cosigners } = verifyEntryProof(bytes, { key, witnesses })
    const time = formatTimestamp(entry.time)
    await print.result(
      { isGood: true, origin, size, index: entry.index, type: entry.type, time, witnesses: cosigners },
      [
        `entry ${entry.index} (${entry.type} at ${time}) is in the log ${origin} of ${size} entries`,
        ...cosigners.map((name) => `witness ${name} cosigned it`),
      ],
    )
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw new Failure(`the proof does not hold: ${error.message}`, { code: 'audit-broken', cause: error })
  }
}
