import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestBundle } from '@holdfast/audit/testing'
import { encodeEntryBundle, formatNote, parseTilePath } from '@holdfast/tlog'
import { run } from '../run.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
const at = (name: string): string => join(folder, name)
const bundle = new TestBundle(300, { checkpoints: [100, 300] })
const key = bundle.log.key.toString()
const asked: string[] = []
/** A hub that serves its log, and can be made to serve another. */
const shown = { bundle, breaksOff: false }

const hub = createServer((request, response) => {
  const { url = '' } = request
  asked.push(url)
  if (url === '/api/v1/audit/log') return response.end(JSON.stringify({ key: shown.bundle.log.key.toString() }))
  if (url.startsWith('/api/v1/audit/export')) {
    const lines = shown.bundle.lines()
    return response.end((shown.breaksOff ? lines.slice(0, 50) : lines).join(''))
  }
  if (url === '/tlog/checkpoint') return response.end(formatNote(shown.bundle.log.checkpoint()))
  const tile = parseTilePath(url.replace('/tlog/', ''))
  if (tile === undefined) return response.writeHead(404).end()
  const { entries, tiles } = shown.bundle.parts()
  const first = tile.index * 256
  return response.end(
    tile.kind === 'entries'
      ? encodeEntryBundle(entries.slice(first, first + tile.width).map(({ leaf }) => Buffer.from(leaf)))
      : tiles.get(`${tile.level}/${tile.index}`),
  )
})

before(() => new Promise<void>((resolve) => hub.listen(at('hub.sock'), resolve)))
after(() => {
  hub.close()
  rmSync(folder, { recursive: true })
})

async function holdfast(...args: readonly string[]): Promise<{ exit: number; out: string; err: string }> {
  let out = ''
  let err = ''
  asked.length = 0
  const exit = await run(
    args,
    {
      stdout: { write: (text) => ((out += text), true), once: () => undefined },
      stderr: { write: (text) => ((err += text), true), once: () => undefined },
      environment: { HOLDFAST_DATA: folder },
      now: () => Date.parse('2027-01-15T08:00:00Z'),
      interrupted: new AbortController().signal,
      confirm: () => Promise.resolve(undefined),
      askSecret: () => Promise.resolve(undefined),
    },
    '1.2.3',
  )
  return { exit, out, err }
}

test('the log of the hub is verified here, and without --key it is said whose key that is', async () => {
  const { exit, out } = await holdfast('audit', 'verify')
  assert.equal(exit, 0)
  assert.match(out, /the log hub\.example\/audit holds: 300 entries, 300 of them signed for, 2 checkpoints/)
  assert.match(out, /its key is what the log itself says/)
  const kept = await holdfast('audit', 'verify', '--key', key, '--json')
  assert.equal(kept.exit, 0)
  const verdict = JSON.parse(kept.out) as { isGood: boolean; entries: number; findings: unknown[] }
  assert.deepEqual([verdict.isGood, verdict.entries, verdict.findings], [true, 300, []])
})

test('a file is verified without any hub; what does not hold is one line that names the entry', async () => {
  const altered = new TestBundle(300)
  altered.changeEntry(41, (entry) => ({ ...entry, leaf: entry.leaf.replace('created', 'deleted') }))
  writeFileSync(at('altered'), altered.lines().join(''))
  const { exit, out, err } = await holdfast('audit', 'verify', at('altered'))
  assert.deepEqual([exit, out, asked], [1, '', []])
  assert.equal(
    err,
    'holdfast: the log does not hold: entry 41 was altered: its hash is not the one in its tile, which is what was signed\n',
  )
  const json = await holdfast('audit', 'verify', at('altered'), '--json')
  assert.equal(json.exit, 1)
  assert.equal((JSON.parse(json.out) as { findings: { first: number }[] }).findings[0]?.first, 41)
})

test('a checkpoint that was kept shows what is gone; a proof that was kept serves as well', async () => {
  writeFileSync(at('short'), new TestBundle(280).lines().join(''))
  writeFileSync(at('kept.txt'), formatNote(bundle.log.checkpoint()))
  assert.equal((await holdfast('audit', 'verify', at('short'))).exit, 0)
  assert.equal((await holdfast('audit', 'proof', '299', '--to', at('299.tlog-proof'))).exit, 0)
  for (const file of ['kept.txt', '299.tlog-proof']) {
    const { exit, err } = await holdfast('audit', 'verify', at('short'), '--checkpoint', at(file))
    assert.equal(exit, 1)
    assert.match(err, /entries 280 to 299 are missing/)
  }
})

test('the log is exported whole or not at all, for nobody else to read', async () => {
  const { exit, out } = await holdfast('audit', 'export', '--to', at('log.bundle'))
  assert.equal(exit, 0)
  assert.match(out, /300 entries/)
  assert.equal(readFileSync(at('log.bundle'), 'utf8'), bundle.lines().join(''))
  assert.equal(statSync(at('log.bundle')).mode & 0o777, 0o600)
  assert.equal((await holdfast('audit', 'verify', at('log.bundle'), '--key', key)).exit, 0)
  shown.breaksOff = true
  const broken = await holdfast('audit', 'export', '--to', at('broken.bundle'), '--without-bodies')
  shown.breaksOff = false
  assert.equal(broken.exit, 1)
  assert.deepEqual(asked, ['/api/v1/audit/export?bodies=false'])
  assert.match(broken.err, /broken off/)
  assert.deepEqual([existsSync(at('broken.bundle')), existsSync(at('broken.bundle.part'))], [false, false])
})

test('the proof of an entry is made from tiles and verified without the hub', async () => {
  const { exit, out } = await holdfast('audit', 'proof', '41', '--to', at('41.tlog-proof'))
  assert.equal(exit, 0)
  assert.ok(out.includes(key))
  assert.ok(asked.includes('/tlog/tile/0/000') && asked.includes('/tlog/tile/0/001.p/44'))
  const good = await holdfast('audit', 'verify', at('41.tlog-proof'), '--key', key)
  assert.equal(good.exit, 0)
  assert.match(good.out, /entry 41 \(identity\.created at 2027-.*\) is in the log hub\.example\/audit of 300 entries/)
  const text = readFileSync(at('41.tlog-proof'), 'utf8')
  for (const [from, to] of [
    [/^index 41$/m, 'index 42'],
    [/^extra (....)/m, 'extra AAAA'],
    [/^300$/m, '299'],
  ] as const) {
    writeFileSync(at('bad.tlog-proof'), text.replace(from, to))
    assert.equal((await holdfast('audit', 'verify', at('bad.tlog-proof'), '--key', key)).exit, 1)
  }
  assert.equal((await holdfast('audit', 'verify', at('41.tlog-proof'))).exit, 2)
  assert.match((await holdfast('audit', 'proof', '300', '--to', at('x'))).err, /is not signed for/)
})

test('a hub whose tiles do not have the entry proves nothing', async () => {
  const altered = new TestBundle(300)
  altered.changeEntry(41, (entry) => ({ ...entry, leaf: entry.leaf.replace('created', 'deleted') }))
  shown.bundle = altered
  const { exit, err } = await holdfast('audit', 'proof', '41', '--to', at('none'))
  shown.bundle = bundle
  assert.equal(exit, 1)
  assert.match(err, /does not prove entry 41/)
})

test('the key of the log is printed as it is given to --key', async () => {
  assert.deepEqual(await holdfast('audit', 'key'), { exit: 0, out: `${key}\n`, err: '' })
})

test('wrong use is told in one line, with exit code 2, and what is not there with 1', async () => {
  writeFileSync(at('noise'), Buffer.alloc(600_000, 0x61))
  writeFileSync(at('binary'), Buffer.from([0xff, 0xfe, 0x0a]))
  for (const [exit, ...args] of [
    [2, 'verify', at('log.bundle'), '--key', 'x'],
    [2, 'verify', at('log.bundle'), '--witness', 'https://w.example'],
    [2, 'verify', at('log.bundle'), '--witness', 'http://w.example', '--witness-key', key],
    [1, 'verify', at('log.bundle'), '--checkpoint', at('not-there')],
    [2, 'proof', 'x', '--to', at('y')],
    [2, 'export'],
    [1, 'verify', at('not-there')],
    [1, 'verify', at('noise')],
    [1, 'verify', at('binary')],
  ] as const) {
    const told = await holdfast('audit', ...args)
    assert.equal(told.exit, exit, args.join(' '))
    assert.match(told.err, /^holdfast: [^\n]+\n$/)
  }
})
