import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DEFAULT_LIMITS } from '@holdfast/throttling'
import { readSettings, type Settings, SettingsError } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-settings-'))
after(() => rmSync(folder, { recursive: true }))

/** Settings of a data folder that holds `config.json` with this content, if any. */
function read(content: unknown, ...args: readonly string[]): Settings {
  const data = mkdtempSync(join(folder, 'data-'))
  if (content !== undefined) {
    writeFileSync(join(data, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return readSettings(['--data', data, ...args])
}

/** The faults, the data folder's path taken out. */
function faults(run: () => unknown): readonly string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof SettingsError) return error.faults.map((fault) => fault.replace(/\/\S*\//, ''))
    throw error
  }
  return []
}

test('the defaults are those of the manual, and frozen', () => {
  const settings = read(undefined)
  const { mqttPort, amqpPort, httpsPort, httpsPortIsChosen, listen, demo, logFormat } = settings
  assert.deepEqual(
    { mqttPort, amqpPort, httpsPort, httpsPortIsChosen, listen, demo, logFormat },
    {
      mqttPort: 8883,
      amqpPort: 5671,
      httpsPort: 443,
      httpsPortIsChosen: false,
      listen: '0.0.0.0',
      demo: false,
      logFormat: 'text',
    },
  )
  assert.deepEqual(settings.hostnames, [...new Set(['localhost', hostname()])])
  assert.equal(settings.partitions, 4)
  assert.equal(settings.telemetryKeyMs, 24 * 3_600_000)
  assert.equal(settings.metricsOnHttps, false)
  assert.ok(Object.isFrozen(settings))
  assert.ok(readSettings([]).data.endsWith('/holdfast-data'))
})

test('the command line stands above the file, the file above the defaults', () => {
  const settings = read({ mqttPort: 1883, httpsPort: 9443, logFormat: 'json' }, '--mqtt-port', '2883')
  assert.deepEqual([settings.mqttPort, settings.httpsPort, settings.logFormat], [2883, 9443, 'json'])
  assert.ok(settings.httpsPortIsChosen)
})

test('every fault is told, however many there are', () => {
  const hostnames = Array.from({ length: 30 }, () => 'a b')
  const found = faults(() => read({ hostnames, mqttPort: -1, fronts: 0, metricsOnHttps: 'yes', other: 1 }))
  assert.equal(found.length, hostnames.length + 4)
  assert.ok(found.some((fault) => fault.includes('metricsOnHttps must be boolean')))
})

test('names may be given more than once; the first is the hub', () => {
  assert.deepEqual(read(undefined, '--hostname', 'hub.example', '--hostname=192.0.2.1').hostnames, [
    'hub.example',
    '192.0.2.1',
  ])
})

test('a file asked for by name stands in for the one of the data folder, and must be there', () => {
  const file = join(folder, 'other.json')
  writeFileSync(file, '{"mqttPort":1}')
  assert.equal(read({ mqttPort: 2 }, '--config', file).mqttPort, 1)
  assert.deepEqual(
    faults(() => read(undefined, '--config', join(folder, 'none.json'))),
    ['none.json: cannot be read'],
  )
})

test('every fault is told, with its path', () => {
  const found = faults(() =>
    read(
      { mqttPort: 70_000, logFormat: 'xml', hostnames: ['a b'], nonsense: 1, retentionBytes: 5 },
      '--https-port',
      'many',
      '--what',
      'ever',
    ),
  )
  assert.equal(found.length, 8, found.join('\n'))
  for (const [where, which] of [
    ['config.json', 'mqttPort'],
    ['config.json', 'logFormat'],
    ['config.json', 'hostnames.0'],
    ['config.json', 'nonsense'],
    ['config.json', 'retentionBytes'],
    ['command line', 'httpsPort'],
    ['--what', 'no such option'],
    ['ever', 'not expected'],
  ]) {
    assert.ok(
      found.some((fault) => fault.startsWith(`${where}: `) && fault.includes(which ?? '')),
      `${where} ${which}:\n${found.join('\n')}`,
    )
  }
})

test('a file that is no JSON, or no object, is refused by name', () => {
  assert.match(faults(() => read('{"mqttPort":')).join(), /^config\.json: no JSON/)
  for (const content of ['[]', 'null', '"text"', '7']) {
    assert.match(faults(() => read(content)).join(), /^config\.json: /, content)
  }
})

test('names of the prototype are unknown keys like any other', () => {
  for (const key of ['__proto__', 'constructor', 'toString']) {
    assert.match(faults(() => read(`{"${key}":{"mqttPort":1}}`)).join(), /^config\.json: /, key)
  }
})

test('ports are whole numbers from 0 to 65535', () => {
  for (const port of ['-1', '65536', '1e3', '0x10', '8883.5', ' 1', '99999999']) {
    assert.match(faults(() => read(undefined, `--mqtt-port=${port}`)).join(), /^command line: mqttPort/, port)
  }
})

test('two listeners cannot have one port, except that 0 finds one for each', () => {
  const same = ['--mqtt-port', '9000', '--https-port', '9000']
  assert.match(faults(() => read(undefined, ...same)).join(), /each listener needs a port of its own/)
  assert.match(faults(() => read({ amqpPort: 8883 })).join(), /each listener needs a port of its own/)
  const any = read(undefined, '--mqtt-port', '0', '--amqp-port', '0', '--https-port', '0')
  assert.deepEqual([any.mqttPort, any.httpsPort], [0, 0])
})

test('an option without its value is refused, and one that takes none is not given one', () => {
  for (const args of [['--data'], ['--data='], ['--hostname'], ['--data', '--demo']]) {
    assert.match(faults(() => readSettings(args)).join(), /needs a value/, args.join(' '))
  }
  assert.match(faults(() => readSettings(['--demo=yes'])).join(), /^--demo: takes no value/)
})

test('an unknown word is refused, not ignored', () => {
  assert.deepEqual(
    faults(() => readSettings(['down'])),
    ['down: not expected here'],
  )
  assert.deepEqual(
    faults(() => readSettings(['--verbose'])),
    ['--verbose: no such option'],
  )
  assert.deepEqual(
    faults(() => readSettings(['-d'])),
    ['-d: no such option'],
  )
})

test('limits that are named in the file differ from the defaults, the others stay', () => {
  const { limits } = read({ throttling: { query: { hub: { perSecond: 5, burst: 10 } } } })
  assert.deepEqual(limits.query, { hub: { perSecond: 5, burst: 10 }, principal: DEFAULT_LIMITS.query.principal })
  assert.deepEqual(limits.method, DEFAULT_LIMITS.method)
  const found = faults(() =>
    read({ throttling: { query: { hub: { perSecond: 0, burst: 1 } }, method: { hub: { perSecond: 5 } }, other: {} } }),
  )
  assert.equal(found.length, 3)
  for (const path of ['throttling.query.hub.perSecond', 'throttling.method.hub', 'throttling must not have']) {
    assert.ok(
      found.some((fault) => fault.includes(path)),
      `${path} in ${found.join('\n')}`,
    )
  }
})

test('where the key lives is a wish, checked against what its provider needs', () => {
  assert.equal(read(undefined).keys.wish, undefined)
  assert.deepEqual(read({ keys: { provider: 'tpm', pcrs: [7, 0] } }).keys.wish, {
    kind: 'tpm',
    settings: { pcrs: '0,7' },
  })
  const { keys } = read({ keys: { provider: 'passphrase', passphraseFile: '/a' } }, '--passphrase-file', '/b')
  assert.deepEqual(keys, { wish: { kind: 'passphrase', settings: { passphraseFile: '/a' } }, passphraseFile: '/b' })
  assert.deepEqual(
    faults(() => read({ keys: { provider: 'pkcs11', module: '/m.so', pcrs: [0] } })),
    ['keys.pcrs: means nothing to the provider pkcs11', 'keys.token: the provider pkcs11 needs it'],
  )
  for (const bad of [{ provider: 'cloud' }, {}, { provider: 'file', pin: '1234' }, { provider: 'tpm', pcrs: [24] }]) {
    const found = faults(() => read({ keys: bad }))
    assert.ok(found.length > 0, JSON.stringify(bad))
    assert.ok(!found.join().includes('1234'), 'a value is not told')
  }
})
