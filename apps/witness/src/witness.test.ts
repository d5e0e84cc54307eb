import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Clock, instantOf, timestampOf } from '@holdfast/base'
import { VerifierKey, formatAddCheckpoint, openCheckpoint, parseSignatureLines } from '@holdfast/tlog'
import { MemoryLog, testKey } from '@holdfast/tlog/testing'
import { hashOf } from './door.ts'
import { type RunningWitness, startWitness } from './run.ts'
import { SettingsError, readSettings } from './settings.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'witness-'))
  folders.push(folder)
  return folder
}

const clock = { monotonic: () => instantOf(performance.now()), wall: () => timestampOf(Date.now()) }

const running = new Set<RunningWitness>()
// What a failed test leaves running would keep the process.
after(() => Promise.all([...running].map((witness) => witness.close())))

async function start(
  data: string,
  logs: readonly VerifierKey[],
  said: string[] = [],
  by: Clock = clock,
): Promise<RunningWitness> {
  const settings = { data, listen: '127.0.0.1', port: 0, hostname: 'localhost', logs }
  const witness = await startWitness(settings, { clock: by, say: (line) => said.push(line) })
  running.add(witness)
  const close = (): Promise<void> => {
    running.delete(witness)
    return witness.close()
  }
  return { ready: witness.ready, close }
}

async function ask(
  witness: RunningWitness,
  path: string,
  body?: string | Buffer,
): Promise<{ status: number; type: string; text: string }> {
  const ca = await readFile(witness.ready.caFile, 'utf8')
  return new Promise((resolve, reject) => {
    const call = request(
      new URL(path, witness.ready.url),
      { ca, method: body === undefined ? 'GET' : 'POST', agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const type = answer.headers['content-type'] ?? ''
          resolve({ status: answer.statusCode ?? 0, type, text: Buffer.concat(chunks).toString() })
        })
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

function requestOf(log: MemoryLog, oldSize: number): string {
  return formatAddCheckpoint({ oldSize, proof: log.consistency(oldSize), note: log.checkpoint() })
}

test('what was cosigned is on disk before the answer, and a later start goes on from it', async () => {
  const data = await newFolder()
  const log = new MemoryLog('hub.example/audit').append('a', 'b', 'c')
  let witness = await start(data, [log.key])
  const key = VerifierKey.parse(witness.ready.vkey)
  const none = await ask(witness, `/${hashOf(log.key.name)}/checkpoint`)
  assert.equal(none.status, 404)
  const first = await ask(witness, '/add-checkpoint', requestOf(log, 0))
  assert.equal(first.status, 200)
  assert.equal(parseSignatureLines(first.text).length, 1)
  assert.match(await readFile(join(data, 'state.json'), 'utf8'), /hub\.example\/audit\\n3\\n/)
  await witness.close()

  // Without being told of the log again.
  witness = await start(data, [])
  assert.equal(witness.ready.vkey, key.toString())
  assert.deepEqual(witness.ready.logs, ['hub.example/audit'])
  const latest = await ask(witness, `/${hashOf(log.key.name)}/checkpoint`)
  const opened = openCheckpoint(Buffer.from(latest.text), { log: log.key, witnesses: [key] })
  assert.equal(opened.size, 3)
  assert.equal(opened.signatures.length, 2)
  log.append('d')
  assert.deepEqual(await ask(witness, '/add-checkpoint', requestOf(log, 1)), {
    status: 409,
    type: 'text/x.tlog.size',
    text: '3\n',
  })
  assert.equal((await ask(witness, '/add-checkpoint', requestOf(log, 3))).status, 200)
  await witness.close()
})

test('a log that was rewritten is refused, and what it signed is kept as evidence, once', async () => {
  const data = await newFolder()
  const said: string[] = []
  const log = new MemoryLog('hub.example/audit').append('a', 'b', 'c')
  const witness = await start(data, [log.key], said)
  await ask(witness, '/add-checkpoint', requestOf(log, 0))
  const fork = new MemoryLog('hub.example/audit').append('a', 'X', 'c', 'd')
  for (let turn = 0; turn < 2; turn += 1) {
    assert.equal((await ask(witness, '/add-checkpoint', requestOf(fork, 3))).status, 422)
  }
  await witness.close()
  const kept = (await readdir(data)).filter((name) => name.startsWith('evidence-'))
  assert.equal(kept.length, 1)
  const text = await readFile(join(data, kept[0] ?? ''), 'utf8')
  assert.ok(text.includes(requestOf(fork, 3)) && text.includes(log.checkpoint().text))
  assert.equal(said.length, 1)
})

test('hostile requests are refused, each with its status', async () => {
  const log = new MemoryLog('hub.example/audit').append('a')
  const witness = await start(await newFolder(), [log.key])
  for (const [path, body, status] of [
    ['/add-checkpoint', '', 400],
    ['/add-checkpoint', 'old 0\n\nx', 400],
    ['/add-checkpoint', Buffer.alloc(200_000), 413],
    ['/add-checkpoint', undefined, 405],
    ['/add-checkpoint', requestOf(new MemoryLog('other.example').append('a'), 0), 404],
    ['/add-checkpoint', requestOf(new MemoryLog('hub.example/audit', 5).append('a'), 0), 403],
    ['/', undefined, 404],
    ['/x/checkpoint', undefined, 404],
    [`/${'0'.repeat(64)}/checkpoint`, undefined, 404],
    [`/${hashOf(log.key.name)}/checkpoint`, '', 405],
  ] as const) {
    assert.equal((await ask(witness, path, body)).status, status, `${path} ${String(body).slice(0, 40)}`)
  }
  assert.equal((await ask(witness, '/add-checkpoint', requestOf(log, 0))).status, 200)
  await witness.close()
})

test('requests of one address are bounded', async () => {
  // Time stands, or a slow machine would give them room.
  const witness = await start(await newFolder(), [], [], { ...clock, monotonic: () => instantOf(0) })
  const answers = await Promise.all(Array.from({ length: 130 }, () => ask(witness, '/')))
  assert.ok(answers.some(({ status }) => status === 429))
  assert.ok(answers.filter(({ status }) => status === 404).length >= 100)
  await witness.close()
})

test('a witness does not begin anew on what is damaged, changed or in use', async () => {
  const data = await newFolder()
  const log = new MemoryLog('hub.example/audit').append('a')
  let witness = await start(data, [log.key])
  await assert.rejects(start(data, []), /another witness runs/)
  await ask(witness, '/add-checkpoint', requestOf(log, 0))
  await witness.close()
  await assert.rejects(start(data, [testKey('hub.example/audit', 'note', 9).key]), /is known by another key/)

  const state = await readFile(join(data, 'state.json'), 'utf8')
  for (const damaged of ['', '{}', state.slice(0, -20), state.replace('\\n1\\n', '\\n2\\n')]) {
    await writeFile(join(data, 'state.json'), damaged)
    await assert.rejects(start(data, []))
  }
  await writeFile(join(data, 'state.json'), state)
  witness = await start(data, [])
  await witness.close()
  await writeFile(join(data, 'witness-key.json'), '{}')
  await assert.rejects(start(data, []), /is damaged/)
})

test('wrong use is told in one line', () => {
  for (const args of [['--port', 'x'], ['--port', '70000'], ['--hostname', 'a b'], ['--log', 'x'], ['--what'], ['x']]) {
    assert.throws(() => readSettings(args), SettingsError)
  }
  const witnessKey = testKey('w', 'cosignature', 1).key.toString()
  assert.throws(() => readSettings(['--log', witnessKey]), SettingsError)
  assert.equal(readSettings([]).port, 8_449)
})
