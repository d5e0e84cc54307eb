/** The issuing authority's key in a token: SoftHSM keeps it, pkcs11-tool says what it is, openssl checks what it signs. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requireSoftHsm, SoftHsm } from '@holdfast/pkcs11/testing'
import { HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { EstClient, openssl } from './est-client.ts'

const skip = requireSoftHsm() || requireTool('openssl') || requireTool('curl')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-authority-token-'))
let hsm: SoftHsm | undefined
before(() => {
  if (skip === false) hsm = SoftHsm.make()
})
after(() => {
  hsm?.remove()
  rmSync(folder, { recursive: true, force: true })
})

test('the key is made in the token, never leaves it, and signs for the hub before and after a restart', {
  skip,
}, async () => {
  assert.ok(hsm !== undefined)
  const data = join(folder, 'data')
  const pinFile = join(folder, 'pin')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(pinFile, hsm.pin, { mode: 0o600 })
  const keys = { provider: 'pkcs11', module: hsm.module, token: hsm.token, pinFile }
  writeFileSync(join(data, 'config.json'), JSON.stringify({ keys }))
  const issuers: string[] = []
  for (const _round of ['first start', 'second start']) {
    const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    try {
      const ready = await hub.ready
      const client = new EstClient(ready)
      const fetched = (name: string, kind: 'x509' | 'crl'): string => {
        const url = `https://localhost:${ready.httpsPort}/.well-known/holdfast/${name}`
        const run = spawnSync('curl', ['-sS', '--fail', '--cacert', ready.caFile, url])
        const file = client.path(name)
        openssl([kind, '-inform', 'DER', '-out', file], run.stdout)
        return file
      }
      const issuer = fetched('issuing.crt', 'x509')
      issuers.push(readFileSync(issuer, 'utf8'))
      assert.match(openssl(['verify', '-x509_strict', '-CAfile', ready.caFile, issuer]), /OK/)
      const list = fetched('issuing.crl', 'crl')
      const checked = spawnSync('openssl', ['crl', '-in', list, '-noout', '-CAfile', issuer], { encoding: 'utf8' })
      assert.match(checked.stderr, /verify OK/)
    } finally {
      await hub.end('SIGTERM')
    }
  }
  assert.equal(issuers[0], issuers[1])
  assert.match(readFileSync(join(data, 'ca/issuing.json'), 'utf8'), /"home": "pkcs11:/)
  const listed = await hsm.tool('--list-objects', '--type', 'privkey')
  assert.match(listed, /label: +holdfast issuing\.json[^]*sensitive, always sensitive, never extractable, local/)
})
