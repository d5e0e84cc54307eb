import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenError, formatConnectionString, parseConnectionString } from './index.ts'
import type { ConnectionString, TokenErrorCode } from './index.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')

function refuses(text: string, code: TokenErrorCode): void {
  assert.throws(
    () => parseConnectionString(text),
    (error) => error instanceof TokenError && error.code === code,
    text.slice(0, 100),
  )
}

const FORMS: readonly (readonly [string, ConnectionString])[] = [
  [
    `HostName=hub.example;DeviceId=a;SharedAccessKey=${KEY}`,
    { kind: 'device', hostName: 'hub.example', deviceId: 'a', credential: { kind: 'key', key: KEY } },
  ],
  [
    `HostName=hub.example;DeviceId=a=b;ModuleId=m;GatewayHostName=gw:18883;SharedAccessKeyName=device;SharedAccessKey=${KEY}`,
    {
      kind: 'device',
      hostName: 'hub.example',
      deviceId: 'a=b',
      moduleId: 'm',
      gatewayHostName: 'gw:18883',
      policyName: 'device',
      credential: { kind: 'key', key: KEY },
    },
  ],
  [
    'HostName=hub.example;DeviceId=a;SharedAccessSignature=SharedAccessSignature sr=x&sig=y%3D&se=1',
    {
      kind: 'device',
      hostName: 'hub.example',
      deviceId: 'a',
      credential: { kind: 'token', token: 'SharedAccessSignature sr=x&sig=y%3D&se=1' },
    },
  ],
  [
    'HostName=hub.example;DeviceId=a;x509=true',
    { kind: 'device', hostName: 'hub.example', deviceId: 'a', credential: { kind: 'x509' } },
  ],
  [
    `HostName=hub.example;SharedAccessKeyName=iothubowner;SharedAccessKey=${KEY}`,
    { kind: 'service', hostName: 'hub.example', policyName: 'iothubowner', credential: { kind: 'key', key: KEY } },
  ],
  [
    `Endpoint=sb://hub.example:5671/;SharedAccessKeyName=service;SharedAccessKey=${KEY};EntityPath=hub`,
    {
      kind: 'event-hub',
      endpoint: 'sb://hub.example:5671/',
      policyName: 'service',
      credential: { kind: 'key', key: KEY },
      entityPath: 'hub',
    },
  ],
]

test('every form parses, and formats back to the same text', () => {
  for (const [text, connection] of FORMS) {
    assert.deepEqual(parseConnectionString(text), connection)
    assert.equal(formatConnectionString(connection), text)
  }
})

test('names of fields may be of any case and a semicolon may end the text', () => {
  assert.deepEqual(parseConnectionString(`hostname=h;DEVICEID=a;sharedaccesskey=${KEY};`), {
    kind: 'device',
    hostName: 'h',
    deviceId: 'a',
    credential: { kind: 'key', key: KEY },
  })
})

test('exactly one credential', () => {
  refuses('HostName=h;DeviceId=a', 'bad-credential')
  refuses(`HostName=h;DeviceId=a;SharedAccessKey=${KEY};x509=true`, 'bad-credential')
  refuses(`HostName=h;DeviceId=a;SharedAccessKey=${KEY};SharedAccessSignature=x`, 'bad-credential')
  refuses('HostName=h;SharedAccessKeyName=p;x509=true', 'bad-credential')
  refuses('Endpoint=sb://h/;x509=true', 'bad-credential')
  refuses('HostName=h;DeviceId=a;SharedAccessKey=short', 'bad-key')
})

test('unknown, repeated, empty and misplaced fields are refused', () => {
  refuses(`HostName=h;DeviceId=a;SharedAccessKey=${KEY};Protocol=mqtt`, 'unknown-field')
  refuses(`HostName=h;__proto__=a;SharedAccessKey=${KEY}`, 'unknown-field')
  refuses(`HostName=h;HostName=i;DeviceId=a;SharedAccessKey=${KEY}`, 'duplicate-field')
  refuses(`HostName=;DeviceId=a;SharedAccessKey=${KEY}`, 'malformed')
  refuses(`HostName;DeviceId=a;SharedAccessKey=${KEY}`, 'malformed')
  refuses(`HostName=h;;DeviceId=a;SharedAccessKey=${KEY}`, 'malformed')
  refuses(`HostName=h\n;DeviceId=a;SharedAccessKey=${KEY}`, 'malformed')
  refuses('HostName=h;DeviceId=a;x509=false', 'malformed')
  refuses(`Endpoint=https://h/;SharedAccessKeyName=p;SharedAccessKey=${KEY}`, 'malformed')
  refuses(`HostName=h;ModuleId=m;SharedAccessKeyName=p;SharedAccessKey=${KEY}`, 'unknown-field')
  refuses(`HostName=h;SharedAccessKey=${KEY}`, 'missing-field')
  refuses(`DeviceId=a;SharedAccessKey=${KEY}`, 'missing-field')
  refuses(`Endpoint=sb://h/;SharedAccessKey=${KEY}`, 'missing-field')
  refuses('', 'malformed')
  refuses(`HostName=${'h'.repeat(9_000)}`, 'too-large')
  refuses('a=b;'.repeat(40), 'too-large')
})

test('what cannot be read back is not written', () => {
  const connection = { kind: 'device', hostName: 'h', deviceId: 'a', credential: { kind: 'x509' } } as const
  assert.throws(() => formatConnectionString({ ...connection, deviceId: 'a;x509=true' }), TypeError)
  assert.throws(() => formatConnectionString({ ...connection, hostName: '' }), TypeError)
  assert.throws(() => formatConnectionString({ ...connection, hostName: 'a\r\nb' }), TypeError)
})
