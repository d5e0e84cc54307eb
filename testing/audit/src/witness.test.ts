/** The witness as a process, before curl and the verifier in Python; killed as a power cut would kill it. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TestBundle } from '@holdfast/audit/testing'
import { type Note, formatAddCheckpoint } from '@holdfast/tlog'
import { MemoryLog } from '@holdfast/tlog/testing'
import { requireTool } from '@holdfast/testing-tidy'
import { requirePython, verifyIndependently } from './independent-verifier.ts'
import { WitnessProcess } from './witness-process.ts'

const skip = requirePython() || requireTool('curl')
const folder = await mkdtemp(join(tmpdir(), 'witness-'))
after(() => rm(folder, { recursive: true }))

const hashOf = (origin: string): string => createHash('sha256').update(origin).digest('hex')

function requestOf(log: MemoryLog, oldSize: number, note: Note = log.checkpoint()): string {
  return formatAddCheckpoint({ oldSize, proof: log.consistency(oldSize), note })
}

test('what it cosigns verifies in Python, and is shown to whoever asks', { skip }, async () => {
  const bundle = new TestBundle(50)
  const { log } = bundle
  const witness = await WitnessProcess.start(join(folder, 'a'), [log.key.toString()])
  const { status } = await witness.curl('/add-checkpoint', requestOf(log, 0))
  assert.equal(status, 200)
  const shown = await witness.curl(`/${hashOf(log.key.name)}/checkpoint`)
  assert.equal(shown.status, 200)
  await writeFile(join(folder, 'a.bundle'), bundle.lines().join(''))
  await writeFile(join(folder, 'a.note'), shown.text)
  const known = ['--key', log.key.toString(), '--witness-key', witness.ready.vkey]
  const checkpoint = ['--checkpoint', join(folder, 'a.note')]
  const verdict = await verifyIndependently('bundle', join(folder, 'a.bundle'), ...known, ...checkpoint)
  assert.deepEqual(verdict.findings, [])
  const [size, time] = verdict.cosigned?.localhost ?? []
  assert.equal(size, 50)
  assert.ok(Math.abs(Date.now() / 1_000 - (time ?? 0)) < 120)
  await witness.stop()
})

test('two copies of one log that both go on: the second is refused, and evidence is kept', { skip }, async () => {
  const data = join(folder, 'b')
  const log = new MemoryLog('hub.example/audit').append('a', 'b')
  const copy = new MemoryLog('hub.example/audit').append('a', 'b')
  const witness = await WitnessProcess.start(data, [log.key.toString()])
  await witness.curl('/add-checkpoint', requestOf(log, 0))
  log.append('c')
  copy.append('X')
  assert.equal((await witness.curl('/add-checkpoint', requestOf(log, 2))).status, 200)
  // It does not know that it is a copy; the witness tells it the size, and then what it thinks of it.
  const told = await witness.curl('/add-checkpoint', requestOf(copy, 2))
  assert.deepEqual([told.status, told.type, told.text], [409, 'text/x.tlog.size', '3\n'])
  assert.equal((await witness.curl('/add-checkpoint', requestOf(copy, 3))).status, 422)
  copy.append('d')
  assert.equal((await witness.curl('/add-checkpoint', requestOf(copy, 3))).status, 422)
  await witness.stop()
  assert.equal((await readdir(data)).filter((name) => name.startsWith('evidence-')).length, 2)
  assert.equal(witness.lines.filter((line) => line.includes('contradicts itself')).length, 2)
})

test('killed at any moment, it never cosigns less than it had cosigned', { skip }, async () => {
  const data = join(folder, 'c')
  const log = new MemoryLog('hub.example/audit').append('0')
  let cosigned = 0
  for (let life = 0; life < 6; life += 1) {
    const witness = await WitnessProcess.start(data, [log.key.toString()])
    const shown = await witness.curl(`/${hashOf(log.key.name)}/checkpoint`)
    const size = shown.status === 404 ? 0 : Number(shown.text.split('\n')[1])
    assert.ok(size >= cosigned, `it forgot ${cosigned} and has ${size}`)
    let known = size
    // Cut off in the middle of what it does, at another moment each time.
    const cut = setTimeout(() => void witness.kill(), 40 + life * 35)
    try {
      for (let turn = 0; turn < 200; turn += 1) {
        const oldSize = known
        log.append(`${life}-${turn}`)
        if ((await witness.curl('/add-checkpoint', requestOf(log, oldSize))).status !== 200) break
        known = log.size
        cosigned = known
      }
    } catch {
      // It is gone.
    }
    clearTimeout(cut)
    await witness.kill()
  }
  assert.ok(cosigned > 0)
  const witness = await WitnessProcess.start(data)
  const shown = await witness.curl(`/${hashOf(log.key.name)}/checkpoint`)
  assert.ok(Number(shown.text.split('\n')[1]) >= cosigned)
  await witness.stop()
})
