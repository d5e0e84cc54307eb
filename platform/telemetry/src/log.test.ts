import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { EVENT_TYPES } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { createLog, eventLog, type LogLevel, type LogOptions } from './index.ts'

function recorded(format: LogOptions['format'], level: LogLevel = 'info') {
  const lines: string[] = []
  return { log: createLog({ format, level, write: (line) => lines.push(line) }), lines }
}

function lastRecord(lines: readonly string[]): Record<string, unknown> {
  const record: unknown = JSON.parse(lines.at(-1) ?? '')
  assert.ok(typeof record === 'object' && record !== null)
  return { ...record }
}

test('a JSON line has level, time, message and fields, and ends with a line feed', () => {
  const { log, lines } = recorded('json')
  log.child({ thread: 'core' }).info('listening', { port: 8883 })
  const { time, ...rest } = lastRecord(lines)
  assert.deepEqual(rest, { level: 'info', thread: 'core', port: 8883, msg: 'listening' })
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.ok(lines[0]?.endsWith('}\n'))
})

test('lines below the level are not written, and can be asked for', () => {
  const { log, lines } = recorded('json', 'warn')
  log.info('no')
  log.debug('no')
  log.error('yes')
  assert.equal(lines.length, 1)
  assert.equal(log.isEnabled('info'), false)
  assert.equal(log.isEnabled('error'), true)
  const silent = recorded('json', 'silent')
  silent.log.error('no')
  assert.equal(silent.lines.length, 0)
})

test('no secret gets into a line, by its field or inside a text', () => {
  for (const format of ['json', 'text'] as const) {
    const { log, lines } = recorded(format)
    log.info('fields', {
      primaryKey: 'S3CRET',
      device: { secondaryKey: 'S3CRET', auth: { more: { PrimaryKey: 'S3CRET' } } },
      password: 'S3CRET',
      list: [{ token: 'S3CRET' }],
    })
    log.warn('texts: HostName=h;SharedAccessKeyName=owner;SharedAccessKey=S3CRET=', {
      url: 'https://h/devices?sr=h&sig=S3CRET%3D&se=1',
      error: new Error('bad token SharedAccessSignature sr=h&sig=S3CRET&se=1', {
        cause: new Error('-----BEGIN EC PRIVATE KEY-----\nS3CRET\n-----END EC PRIVATE KEY-----'),
      }),
    })
    log.child({ connectionString: 'S3CRET' }).info('child')
    assert.equal(lines.length, 3)
    for (const line of lines) assert.ok(!line.includes('S3CRET'), line)
    assert.match(lines.join(''), /SharedAccessKeyName=owner/)
  }
})

test('an error is shown with code and causes, without its other members', () => {
  const { log, lines } = recorded('json')
  const error = Object.assign(new Error('no room', { cause: new Error('ENOSPC') }), { code: 'FULL', input: 'bytes' })
  log.error('store', { error })
  const shown = JSON.stringify(lastRecord(lines).error)
  assert.match(shown, /"code":"FULL".*"cause":\{.*ENOSPC/)
  assert.ok(!shown.includes('bytes'))
  const text = recorded('text')
  text.log.error('store', { error })
  assert.match(text.lines[0] ?? '', /ERROR store Error \(FULL\): no room, because Error: ENOSPC\n$/)
})

test('a text line cannot move a terminal, break a line or turn its direction', () => {
  const { log, lines } = recorded('text')
  const evil = 'a\u001b[2J\nb\u009b31m\u202ec\u2028\u0007'
  log.warn(evil, { [evil]: evil, nested: { [evil]: [evil] }, error: new Error(evil) })
  const line = lines[0] ?? ''
  assert.equal(line.indexOf('\n'), line.length - 1)
  // oxlint-disable-next-line no-control-regex -- control characters are what must be absent
  assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2028]/)
})

test('a text line reads as a sentence of name=value', () => {
  const { log, lines } = recorded('text')
  log.info('device connected', { device: 'pump-1', address: '10.0.0.7:4711', detail: { repeated: 3, why: 'a b' } })
  assert.match(
    lines[0] ?? '',
    /^\S+Z INFO {2}device connected device=pump-1 address=10\.0\.0\.7:4711 detail=\{repeated=3 why="a b"\}\n$/,
  )
})

test('what is logged is bounded, and never the content of bytes', () => {
  const { log, lines } = recorded('json')
  const circle: Record<string, unknown> = {}
  circle.self = circle
  log.info('%s %d %j', {
    long: 'x'.repeat(1_000_000),
    bytes: new Uint8Array([1, 2, 3]),
    big: 10n,
    circle,
    wide: Array.from({ length: 10_000 }, (_, i) => i),
  })
  const line = lines[0] ?? ''
  assert.ok(line.length < 10_000, String(line.length))
  assert.equal(lastRecord(lines).bytes, '[3 bytes]')
  assert.equal(lastRecord(lines).msg, '%s %d %j')
})

test('a field that throws does not stop the work', () => {
  const { log } = recorded('json')
  log.info('getter', {
    get bad(): string {
      throw new Error('no')
    },
  })
  const throwing = createLog({
    format: 'json',
    level: 'info',
    write: () => {
      throw new Error('EPIPE')
    },
  })
  throwing.info('closed')
})

test('every event type is written with who, what and why; refusals as warnings', () => {
  const { log, lines } = recorded('json')
  const sink = eventLog(log)
  for (const type of EVENT_TYPES) {
    sink({ type, at: timestampOf(0), subject: 'device/d', actor: 'address/10.0.0.7', detail: { repeated: 2 } })
  }
  assert.equal(lines.length, EVENT_TYPES.length)
  const refusal = lines.find((line) => line.includes('"event":"session.refused"'))
  const { time: _, ...rest } = lastRecord([refusal ?? ''])
  assert.deepEqual(rest, {
    level: 'warn',
    event: 'session.refused',
    at: '1970-01-01T00:00:00.000Z',
    subject: 'device/d',
    actor: 'address/10.0.0.7',
    detail: { repeated: 2 },
    msg: 'session.refused',
  })
})

test('a closed or full standard error does not end the process', () => {
  const entry = new URL('./index.ts', import.meta.url).href
  const script = `
    const { createLog } = await import(${JSON.stringify(entry)})
    const log = createLog({ format: 'json', level: 'info' })
    for (let i = 0; i < 2000; i++) log.info('line', { i, text: 'x'.repeat(100) })
    await new Promise((resolve) => setTimeout(resolve, 10))
    log.info('after')
    process.stdout.write('alive')`
  const node = '"$0" --disallow-code-generation-from-strings --input-type=module -e "$1"'
  const { stdout } = spawnSync('sh', ['-c', `${node} 2>/dev/full & ${node} 2>&- & wait`, process.execPath, script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.equal(stdout, 'alivealive')
})
