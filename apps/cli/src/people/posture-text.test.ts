import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  daysBetween,
  isPending,
  lastUpgradeIn,
  nameIn,
  newestOfRpm,
  rootIsEncrypted,
  screenLockOf,
  secureBootOf,
} from './posture-text.ts'

const disk = (children: unknown): string =>
  JSON.stringify({ blockdevices: [{ name: 'nvme0n1', type: 'disk', mountpoints: [null], children }] })

test('the root is encrypted where a layer of dm-crypt is anywhere above it', () => {
  const root = { name: 'root', type: 'lvm', mountpoints: ['/'] }
  const crypt = { name: 'luks', type: 'crypt', mountpoints: [null], children: [root] }
  const part = (children: unknown) => [{ name: 'p2', type: 'part', mountpoints: [null], children }]
  assert.equal(rootIsEncrypted(disk(part([crypt]))), 'on')
  assert.equal(rootIsEncrypted(disk(part([root]))), 'off')
  assert.equal(rootIsEncrypted(disk(part([{ name: 'home', type: 'crypt', mountpoints: ['/home'] }, root]))), 'off')
  for (const text of ['', '{}', '[]', 'null', '{"blockdevices":[null,1]}', disk('x'), disk([])]) {
    assert.equal(rootIsEncrypted(text), 'unknown', text)
  }
})

test('a screen locks where it does so by itself within a quarter of an hour', () => {
  assert.equal(screenLockOf('true\n', 'uint32 300\n'), 'on')
  assert.equal(screenLockOf('true\n', 'uint32 0\n'), 'off')
  assert.equal(screenLockOf('true\n', 'uint32 3600\n'), 'off')
  assert.equal(screenLockOf('false\n', 'uint32 300\n'), 'off')
  assert.equal(screenLockOf('true\n', 'whatever'), 'unknown')
})

test('secure boot is the fifth byte of its variable, and nothing else', () => {
  assert.equal(secureBootOf(Uint8Array.of(6, 0, 0, 0, 1)), 'on')
  assert.equal(secureBootOf(Uint8Array.of(6, 0, 0, 0, 0)), 'off')
  assert.equal(secureBootOf(Uint8Array.of(1)), 'unknown')
})

test('updates: what waits, and when packages were upgraded last', () => {
  assert.equal(isPending('Reading package lists...\nInst openssl [3.0.15] (3.0.16 Debian-Security)\n'), true)
  assert.equal(isPending('Reading package lists...\n0 upgraded, 0 newly installed\n'), false)
  const log = '2026-11-01 08:00:00 upgrade openssl:amd64 1 2\n2026-11-02 08:00:00 install vim:amd64 <none> 9\n'
  assert.equal(lastUpgradeIn(log), Date.parse('2026-11-01T08:00:00'))
  assert.equal(lastUpgradeIn('2026-11-02 08:00:00 install vim\n'), undefined)
  assert.equal(newestOfRpm('17\n42\n9\nx\n'), 42_000)
  assert.equal(newestOfRpm(''), undefined)
  assert.equal(daysBetween(0, 86_400_000 * 3 - 1), 2)
  assert.equal(daysBetween(10, 0), 0)
})

test('the name of the system is one line of ASCII', () => {
  assert.equal(nameIn('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'), 'Debian GNU/Linux 12 (bookworm)')
  assert.equal(nameIn('PRETTY_NAME="\u001b[2Jx"'), '[2Jx')
  assert.equal(nameIn('ID=x'), undefined)
})
