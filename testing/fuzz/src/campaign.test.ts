import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PacketReader, SERVER_LIMITS } from '@holdfast/mqtt'
import { Random } from '@holdfast/testing-simulation/random'
import { Campaign, type CampaignReport } from './campaign.ts'
import { plainBytes, readCorpus, writeCorpus, writeFailure } from './corpus.ts'
import { Mutator } from './mutator.ts'
import { shrink } from './shrink.ts'
import { subjects } from './testing/planted.ts'
import { runWatched } from './watch.ts'

function bytes(text: string): Uint8Array {
  return plainBytes(Buffer.from(text))
}

function text(input: Uint8Array | undefined): string | undefined {
  return input === undefined ? undefined : Buffer.from(input).toString('latin1')
}

/** A campaign of so many batches; also every input it ran, in order. */
function campaign(name: string, seed: number, batches: number): { report: CampaignReport; inputs: readonly string[] } {
  const subject = subjects.find((it) => it.name === name)
  assert.ok(subject !== undefined)
  const inputs: string[] = []
  let left = batches
  const report = new Campaign({
    subject,
    seed,
    stored: [],
    isOver: () => left-- === 0,
    watch: (input) => {
      const ran = text(input)
      if (ran !== undefined) inputs.push(ran)
    },
  }).run()
  return { report, inputs }
}

function temporary(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-fuzz-'))
  try {
    run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a target that keeps its rules has no failure', () => {
  assert.equal(campaign('sound', 1, 50).report.failure, undefined)
})

test('a fault is found, and told by the smallest input that shows it', () => {
  const { failure } = campaign('throws', 1, 2_000).report
  assert.equal(text(failure?.input), '%00')
  assert.match(failure?.reason ?? '', /planted/)
  assert.equal(text(campaign('throws-at-word', 1, 200).report.failure?.input), 'open sesame')
})

test('what is stored is tried cut at every byte, before anything is made of it', () => {
  assert.equal(text(campaign('throws-when-cut', 1, 0).report.failure?.input), 'key=')
})

test('the same seed tries the same inputs, another seed others', () => {
  const { inputs } = campaign('sound', 7, 10)
  assert.deepEqual(campaign('sound', 7, 10).inputs, inputs)
  assert.notDeepEqual(campaign('sound', 8, 10).inputs, inputs)
})

test('inputs that reach new code are kept, the smallest that together reach all of it', () => {
  const reader = {
    name: 'reader',
    seeds: [Uint8Array.of(0xc0, 0)],
    dictionary: [],
    bytesMax: 16,
    run(input: Uint8Array): void {
      try {
        const packets = new PacketReader(SERVER_LIMITS)
        packets.push(input)
        packets.next()
      } catch {
        // A refusal is an answer.
      }
    },
  }
  const run = (batches: number): CampaignReport => {
    let left = batches
    return new Campaign({ subject: reader, seed: 1, stored: [], isOver: () => left-- === 0, watch: () => {} }).run()
  }
  const [little, much] = [run(0), run(100)]
  assert.ok(much.blocks > little.blocks, `${little.blocks} then ${much.blocks} places`)
  assert.ok(much.corpus.length > little.corpus.length && much.corpus.length < 64)
})

test('an input on which code does not come back is named, and its thread ended', async () => {
  const module = new URL('./testing/planted.ts', import.meta.url).href
  const report = await runWatched({ module, target: 'hangs', seed: 1, milliseconds: 60_000, stored: [] }, 500)
  assert.equal(text(report.failure?.input)?.[0], '=')
  assert.match(report.failure?.reason ?? '', /did not come back/)
})

test('mutations stay within the size, and leave the input they start from alone', () => {
  const mutator = new Mutator({ random: new Random(3), dictionary: ['word'], bytesMax: 20 })
  const from = bytes('one=1&two=2')
  for (let i = 0; i < 2_000; i++) {
    assert.ok(mutator.mutate(from, bytes('')).length <= 20)
    mutator.mutate(bytes(''), from)
  }
  assert.equal(text(from), 'one=1&two=2')
})

test('shrinking ends at what cannot be taken away, and never at an input that holds', () => {
  const isFault = (input: Uint8Array): boolean => /x.*y/s.test(text(input) ?? '')
  assert.equal(text(shrink(bytes('...x....y..'), isFault)), 'xy')
  assert.equal(text(shrink(bytes('q'), (input) => input.length === 1)), 'a')
})

test('the stored corpus is what was found last, and what is named in words for ever', () => {
  temporary((folder) => {
    assert.deepEqual(readCorpus('t', folder), [])
    mkdirSync(join(folder, 't'))
    writeFileSync(join(folder, 't', 'a-rule-once-broken'), 'rule')
    writeCorpus('t', [bytes('one'), bytes('two'), bytes('two')], folder)
    assert.equal(readdirSync(join(folder, 't')).length, 3)
    writeCorpus('t', [bytes('two'), bytes('three')], folder)
    const stored = readCorpus('t', folder)
    assert.deepEqual(new Set(stored.map((it) => text(it.bytes))), new Set(['rule', 'three', 'two']))
    assert.deepEqual(
      stored.map((it) => it.isFound),
      [true, true, false],
    )
  })
})

test('a failing input is written byte for byte', () => {
  temporary((folder) => {
    const file = writeFailure('t', Uint8Array.of(0, 255, 10), folder)
    assert.match(file, /\/t-[0-9a-f]{16}$/)
  })
})
