/** Manifests: signed by openssl, sent by curl and by the command line. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite, test } from 'node:test'
import { eventsOf } from './events.ts'
import { fingerprintOf, ManifestMaker, publicKeyOf, type SignedManifest } from './manifest-maker.ts'
import { call, holdfast, type Json, manufacturer, MODEL, outcomes, send, skip, text, the } from './supply-stage.ts'

suite('manifests', { skip }, () => {
  for (const kind of ['P-256', 'ed25519', 'rsa-2048'] as const) {
    test(`what openssl signed with ${kind} is taken in`, async () => {
      const maker = await manufacturer(kind)
      const signed = maker.sign([
        { serial: `${kind}-1`, model: maker.model, publicKey: publicKeyOf(the().keys.newKey()) },
      ])
      const { status, lines } = send(signed, maker.name)
      assert.equal(status, 200, JSON.stringify(lines))
      assert.deepEqual(outcomes(lines), ['2 imported'])
    })
  }

  test('nothing is taken of a file whose signature does not hold: changed, cut, of another key, of another manufacturer', async () => {
    const [maker, other] = [await manufacturer(), await manufacturer()]
    const entry = { serial: 'forged-1', model: maker.model, publicKey: publicKeyOf(the().keys.newKey()) }
    const signed = maker.sign([entry, { ...entry, serial: 'forged-2', publicKey: publicKeyOf(the().keys.newKey()) }])
    const written = readFileSync(signed.file, 'utf8')
    const forged = (name: string, content: string): SignedManifest => {
      const file = join(the().root, name)
      writeFileSync(file, content)
      return { file, signature: signed.signature }
    }
    const byOther = other.signFile(signed.file, join(the().root, 'by-other.sig'))
    const attempts: readonly (readonly [SignedManifest, string])[] = [
      [forged('changed', written.replace('forged-1', 'forged-9')), maker.name],
      [forged('cut', written.slice(0, written.indexOf('\n', written.indexOf('forged-1')) + 1)), maker.name],
      [forged('longer', `${written}\n`), maker.name],
      [{ file: signed.file, signature: byOther }, maker.name],
      [signed, other.name],
    ]
    for (const [manifest, name] of attempts) {
      const { status, lines } = send(manifest, name)
      assert.equal(status, 400, JSON.stringify(lines))
      assert.equal(lines[0]?.code, 'bad-signature')
    }
    for (const serial of ['forged-1', 'forged-2', 'forged-9']) {
      assert.equal((await call('GET', `/supply/${maker.name}/${serial}`)).status, 404)
    }
    assert.ok(
      eventsOf(the().data).some(
        ({ type, detail }) => type === 'manifest.refused' && detail.manufacturer === maker.name,
      ),
    )
  })

  test('without a signature, with garbage for one, or of an unknown manufacturer it is refused', async () => {
    const maker = await manufacturer()
    const signed = maker.sign([])
    writeFileSync(signed.signature, '')
    assert.equal(send(signed, maker.name).status, 400)
    writeFileSync(signed.signature, 'garbage')
    assert.equal(send(signed, maker.name).lines[0]?.code, 'bad-signature')
    assert.equal(send(signed, 'nobody').lines[0]?.code, 'unknown-manufacturer')
  })

  test('each line is told what became of it, and importing again does no harm', async () => {
    const maker = await manufacturer()
    const keys = [1, 2, 3].map(() => publicKeyOf(the().keys.newKey()))
    const weak = publicKeyOf(the().keys.newKey('secp256k1'))
    const at = (serial: string, publicKey: string | undefined) => ({
      serial,
      model: maker.model,
      publicKey: publicKey ?? '',
    })
    const entries = [
      at('r-1', keys[0]),
      at('r-2', keys[1]),
      at('r-1', keys[0]),
      at('r-1', keys[2]),
      at('r-3', keys[0]),
      { ...at('r-4', keys[2]), model: 'nothing' },
      { ...at('r-4', keys[2]), hardwareRevision: 'Z' },
      at('r-5', weak),
      'no json',
      '[]',
      `{"serial":"r-6","model":"${maker.model}","hardwareRevision":"A","publicKey":"${keys[2]}","color":"red"}`,
      at('bad serial', keys[2]),
      'x'.repeat(20_000),
      at('r-4', keys[2]),
    ]
    const signed = maker.sign(entries)
    const { lines } = send(signed, maker.name)
    assert.deepEqual(outcomes(lines), [
      '2 imported',
      '3 imported',
      '4 duplicate',
      '5 conflict',
      '6 conflict',
      '7 conflict',
      '8 conflict',
      '9 malformed',
      '10 malformed',
      '11 malformed',
      '12 malformed',
      '13 malformed',
      '14 malformed',
      '15 imported',
    ])
    assert.equal(lines[10]?.member, 'color')
    assert.match(text(lines[4]?.reason), /same key/)
    for (const { outcome, reason, remedy } of lines.slice(0, -1)) {
      if (outcome === 'conflict' || outcome === 'malformed') assert.ok(reason !== undefined && remedy !== undefined)
    }
    const end = lines.at(-1)?.manifest as Json
    assert.deepEqual(end.counts, { imported: 3, duplicate: 1, conflict: 4, malformed: 6 })
    assert.equal(end.complete, true)
    const again = send(signed, maker.name).lines.at(-1)?.manifest as Json
    assert.deepEqual(again.counts, { imported: 0, duplicate: 4, conflict: 4, malformed: 6 })
    assert.equal(again.sha256, end.sha256)
  })

  test('the command line imports, lists and shows; it ends with 1 when a line was not taken', async () => {
    const maker = new ManifestMaker(the().root, 'cli-maker')
    const added = await holdfast('manufacturer', 'add', 'cli-maker', maker.publicKey, '--json')
    assert.equal(added.code, 0, added.stderr)
    assert.equal((JSON.parse(added.stdout) as Json).sha256, fingerprintOf(maker.publicKey))
    const model = join(the().root, 'model.json')
    writeFileSync(model, JSON.stringify({ ...MODEL, id: 'cli-model', manufacturer: 'cli-maker', tier: 'legacy' }))
    assert.equal((await holdfast('model', 'create', model)).code, 0)
    const publicKey = publicKeyOf(the().keys.newKey())
    const signed = maker.sign([{ serial: 'cli-1', model: 'cli-model', publicKey }, 'broken'])
    const run = await holdfast('manifest', 'import', signed.file, '--signature', signed.signature)
    assert.equal(run.code, 1)
    assert.match(run.stdout, /^line 2 cli-1 imported\nline 3 malformed: .*\nmanifest batch-1 of cli-maker: 1 imported/)
    const listed = await holdfast('manifest', 'devices', '--state', 'manufactured', '--json')
    assert.ok(listed.stdout.split('\n').some((line) => line.includes('"cli-1"')))
    const help = await holdfast('manifest', 'import', '--help')
    assert.match(help.stdout, /Example:/)
    // What a file says of its maker is only where to look for the key.
    appendFileSync(signed.file, '\n')
    assert.match(
      (await holdfast('manifest', 'import', signed.file, '--signature', signed.signature)).stderr,
      /nothing was taken/,
    )
  })
})

/** Lines of the manifest that is timed. */
const MANY = 100_000
/** What a hub may grow by meanwhile, in MiB: batches, their copies between threads, and pages of the database. */
const GROWTH_MIB_MAX = 400
/** On a machine that does other things too; some 20 s on a quiet one. */
const IMPORT_MS_MAX = 300_000

suite('a manifest of a hundred thousand devices', { skip }, () => {
  test('is imported as it is read, in bounded memory, and the hub answers meanwhile', {
    timeout: 600_000,
  }, async (context) => {
    const maker = await manufacturer()
    const file = join(the().root, 'many.jsonl')
    writeFileSync(file, `${JSON.stringify({ manifest: 'many', manufacturer: maker.name, entries: MANY })}\n`)
    const prefix = Buffer.from('MCowBQYDK2VwAyEA', 'base64')
    for (let n = 0; n < MANY; n += 1_000) {
      // As public keys of Ed25519, of which OpenSSL reads any 32 bytes: nobody signs with them here.
      const lines = Array.from({ length: 1_000 }, (_, m) => {
        const publicKey = Buffer.concat([prefix, keyBytes(n + m)]).toString('base64')
        return JSON.stringify({ serial: `many-${n + m}`, model: maker.model, hardwareRevision: 'A', publicKey })
      })
      appendFileSync(file, `${lines.join('\n')}\n`)
    }
    const signed = { file, signature: maker.signFile(file) }
    const before = residentMib()
    let peak = before
    let slowestMs = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, residentMib())
      const asked = performance.now()
      void call('GET', '/devices?limit=1').then(() => {
        slowestMs = Math.max(slowestMs, performance.now() - asked)
      })
    }, 250)
    const began = performance.now()
    const counts = await sendMany(signed, maker.name)
    const milliseconds = performance.now() - began
    clearInterval(watch)
    context.diagnostic(
      `${MANY} lines in ${Math.round(milliseconds)} ms; ${before} MiB before, ${peak} MiB at most; slowest other answer ${Math.round(slowestMs)} ms`,
    )
    assert.deepEqual(counts, { imported: MANY, duplicate: 0, conflict: 0, malformed: 0 })
    assert.ok(peak - before < GROWTH_MIB_MAX, `${peak - before} MiB more`)
    assert.ok(milliseconds < IMPORT_MS_MAX)
  })
})

/** 32 bytes of their own for each number. */
function keyBytes(n: number): Buffer {
  return createHash('sha256').update(`device ${n}`).digest()
}

function residentMib(): number {
  const status = readFileSync(`/proc/${the().process.pid}/status`, 'utf8')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1_024)
}

/** As `send`, but for a report that is longer than one wants to hold, and without standing still meanwhile. */
async function sendMany({ file, signature }: SignedManifest, manufacturer: string): Promise<unknown> {
  const socket = ['--unix-socket', join(the().data, 'hub.sock'), '-H', 'Expect:']
  const header = ['-H', `Holdfast-Signature: ${readFileSync(signature).toString('base64')}`]
  const url = `http://localhost/api/v1/manifests?manufacturer=${manufacturer}`
  const run = spawn('curl', ['-sS', ...socket, ...header, '-T', file, '-X', 'POST', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let last = ''
  for await (const line of createInterface({ input: run.stdout })) if (line !== '') last = line
  return ((JSON.parse(last) as Json).manifest as Json | undefined)?.counts ?? last
}

test('an import whose reader goes away stops, and goes on where it was when the file is imported again', {
  skip,
}, async () => {
  const maker = await manufacturer()
  const prefix = Buffer.from('MCowBQYDK2VwAyEA', 'base64')
  const entries = Array.from({ length: 20_000 }, (_, n) => ({
    serial: `cut-${n}`,
    model: maker.model,
    publicKey: Buffer.concat([prefix, keyBytes(1_000_000 + n)]).toString('base64'),
  }))
  const signed = maker.sign(entries)
  const header = `Holdfast-Signature: ${readFileSync(signed.signature).toString('base64')}`
  const url = `http://localhost/api/v1/manifests?manufacturer=${maker.name}`
  const socket = ['--unix-socket', join(the().data, 'hub.sock')]
  const run = spawn('curl', ['-sSN', ...socket, '-H', header, '--data-binary', `@${signed.file}`, url])
  await once(run.stdout, 'data')
  run.kill('SIGKILL')
  await once(run, 'close')
  let taken = 0
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { lines, status } = send(signed, maker.name)
    // While the one before is noticed to be gone, it is refused as under way.
    if (status === 409) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      continue
    }
    const counts = (lines.at(-1)?.manifest as { counts?: Readonly<Record<string, number>> } | undefined)?.counts ?? {}
    taken = (counts.imported ?? 0) + (counts.duplicate ?? 0)
    assert.ok((counts.duplicate ?? 0) >= 128, JSON.stringify(counts))
    assert.equal((counts.conflict ?? 0) + (counts.malformed ?? 0), 0)
    break
  }
  assert.equal(taken, entries.length)
})
