import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DemoFolder } from './demo-folder.ts'
import { thumbprintOf } from './self-signed.ts'

test('a certificate is kept over restarts, for nobody else to read, and made anew when it is damaged', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
  t.after(() => rmSync(data, { recursive: true }))
  const first = await new DemoFolder(data).certificateOf('demo-press-1')
  assert.deepEqual(await new DemoFolder(data).certificateOf('demo-press-1'), first)
  assert.equal(statSync(join(data, 'demo')).mode & 0o777, 0o700)
  assert.equal(statSync(join(data, 'demo/demo-press-1.key')).mode & 0o777, 0o600)
  writeFileSync(join(data, 'demo/demo-press-1.key'), first.certificate)
  assert.notEqual((await new DemoFolder(data).certificateOf('demo-press-1')).certificate, first.certificate)
})

test('the thumbprint is that of the certificate in DER', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
  t.after(() => rmSync(data, { recursive: true }))
  const { certificate } = await new DemoFolder(data).certificateOf('demo-press-1')
  const parsed = new X509Certificate(certificate)
  assert.equal(thumbprintOf(certificate), parsed.fingerprint256.replaceAll(':', ''))
  assert.match(parsed.subject, /CN=demo-press-1/)
})
