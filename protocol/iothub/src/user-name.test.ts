import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubFormatError, parseClientId, parseUserName } from './index.ts'
import type { HubFormatErrorCode, UserName } from './index.ts'

function refuses(userName: string, clientId: string, code: HubFormatErrorCode): void {
  assert.throws(
    () => parseUserName(userName, clientId),
    (error) => error instanceof HubFormatError && error.code === code,
    `${userName.slice(0, 80)} of ${clientId.slice(0, 20)}`,
  )
}

const FORMS: readonly (readonly [string, string, string, UserName])[] = [
  [
    'Node',
    'hub.example/dev-1/?api-version=2021-04-12&DeviceClientType=azure-iot-device%2F1.18.4%20(node%20v26)',
    'dev-1',
    {
      service: 'hub',
      hostName: 'hub.example',
      deviceId: 'dev-1',
      apiVersion: '2021-04-12',
      clientType: 'azure-iot-device/1.18.4 (node v26)',
    } as UserName,
  ],
  [
    'Node with a model id, not encoded, before the client type',
    'hub.example/dev-1/?api-version=2021-04-12&model-id=dtmi:com:example:Thermostat;1&DeviceClientType=x',
    'dev-1',
    {
      service: 'hub',
      hostName: 'hub.example',
      deviceId: 'dev-1',
      apiVersion: '2021-04-12',
      modelId: 'dtmi:com:example:Thermostat;1',
      clientType: 'x',
    } as UserName,
  ],
  [
    'Python with a model id, encoded, after the client type',
    'hub.example/dev-1/?api-version=2020-09-30&DeviceClientType=x&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1',
    'dev-1',
    {
      service: 'hub',
      hostName: 'hub.example',
      deviceId: 'dev-1',
      apiVersion: '2020-09-30',
      modelId: 'dtmi:com:example:Thermostat;1',
      clientType: 'x',
    } as UserName,
  ],
  [
    'a module',
    'hub.example/dev-1/mod-1/?api-version=2019-10-01',
    'dev-1/mod-1',
    {
      service: 'hub',
      hostName: 'hub.example',
      deviceId: 'dev-1',
      moduleId: 'mod-1',
      apiVersion: '2019-10-01',
    } as UserName,
  ],
  [
    'an old client, without the question mark',
    'HUB.example:8883/dev-1/api-version=2016-11-14&DeviceClientType=a/b%',
    'dev-1',
    {
      service: 'hub',
      hostName: 'hub.example:8883',
      deviceId: 'dev-1',
      apiVersion: '2016-11-14',
      clientType: 'a/b%',
    } as UserName,
  ],
  [
    'provisioning',
    '0ne00012345/registrations/dev-1/api-version=2019-03-31&ClientVersion=azure-iot-provisioning%2F1',
    'dev-1',
    {
      service: 'provisioning',
      idScope: '0ne00012345',
      registrationId: 'dev-1',
      apiVersion: '2019-03-31',
      clientVersion: 'azure-iot-provisioning/1',
    },
  ],
  [
    'provisioning with a question mark and another case of the id',
    '0ne00012345/registrations/Dev-1/?api-version=2019-03-31',
    'dev-1',
    { service: 'provisioning', idScope: '0ne00012345', registrationId: 'Dev-1', apiVersion: '2019-03-31' },
  ],
]

for (const [name, userName, clientId, expected] of FORMS) {
  test(`user names are read as their clients write them: ${name}`, () => {
    assert.deepEqual(parseUserName(userName, clientId), expected)
  })
}

test('parameters come in any order, and unknown ones are passed over', () => {
  const name = parseUserName('h/d/?DeviceClientType=x&foo=bar&api-version=2021-04-12&bare', 'd')
  assert.equal(name.apiVersion, '2021-04-12')
})

test('ids that look like something else are read by the client id', () => {
  const read = (userName: string, clientId: string): readonly (string | undefined)[] => {
    const name = parseUserName(userName, clientId)
    return name.service === 'hub' ? [name.deviceId, name.moduleId] : [name.registrationId]
  }
  assert.deepEqual(read('h/?x/?api-version=2021-04-12', '?x'), ['?x', undefined])
  assert.deepEqual(read('h/d/?m/?api-version=2021-04-12', 'd/?m'), ['d', '?m'])
  assert.deepEqual(read('h/api-version=1/api-version=2021-04-12', 'api-version=1'), ['api-version=1', undefined])
  // A device that is called registrations, and a module of it, are no provisioning.
  assert.deepEqual(read('h/registrations/?api-version=2021-04-12', 'registrations'), ['registrations', undefined])
  assert.deepEqual(read('h/registrations/m/?api-version=2021-04-12', 'registrations/m'), ['registrations', 'm'])
  assert.deepEqual(read('h/registrations/m/api-version=2021-04-12', 'm'), ['m'])
  assert.deepEqual(read('h/registrations/registrations/api-version=2021-04-12', 'registrations'), ['registrations'])
})

test('client id and user name name the same identity', () => {
  refuses('h/a/?api-version=2021-04-12', 'b', 'client-id-mismatch')
  refuses('h/a/?api-version=2021-04-12', 'A', 'client-id-mismatch')
  refuses('h/a/m/?api-version=2021-04-12', 'a', 'client-id-mismatch')
  refuses('h/a/?api-version=2021-04-12', 'a/m', 'client-id-mismatch')
  refuses('h/a/m/?api-version=2021-04-12', 'a/n', 'client-id-mismatch')
  refuses('s/registrations/a/api-version=2021-04-12', 'b', 'client-id-mismatch')
})

test('other user names are refused', () => {
  for (const userName of [
    '',
    '/',
    'h',
    'h/a',
    'h/a/',
    '/a/?api-version=2021-04-12',
    'h/a/x',
    'h/a/b/c/?api-version=1',
  ]) {
    refuses(userName, 'a', 'bad-user-name')
  }
  refuses('h h/a/?api-version=2021-04-12', 'a', 'bad-user-name')
  refuses('h\n/a/?api-version=2021-04-12', 'a', 'bad-user-name')
  refuses(`${'h'.repeat(262)}/a/?api-version=2021-04-12`, 'a', 'bad-user-name')
  refuses('s.x/registrations/a/api-version=2021-04-12', 'a', 'bad-user-name')
  refuses('s/registrations/a./api-version=2021-04-12', 'a.', 'bad-user-name')
  refuses('h/a/?api-version=2021-04-12&api-version=2021-04-12', 'a', 'bad-user-name')
  refuses('h/a/?api-version=2021-04-12&model-id=x', 'a', 'bad-user-name')
  refuses('h/a/?api-version=2021-04-12&model-id=dtmi:%', 'a', 'bad-user-name')
  refuses(`h/a/?api-version=2021-04-12&model-id=dtmi:${'x'.repeat(300)};1`, 'a', 'bad-user-name')
  refuses(`h/a/?api-version=2021-04-12${'&x=1'.repeat(20)}`, 'a', 'bad-user-name')
  refuses(`h/a/?api-version=2021-04-12&DeviceClientType=${'x'.repeat(5_000)}`, 'a', 'bad-user-name')
  refuses('h/a/?', 'a', 'bad-api-version')
  refuses('h/a/?api-version=latest', 'a', 'bad-api-version')
})

test('a client id is a device id, or with one slash a module of it', () => {
  assert.deepEqual(parseClientId('a'), { deviceId: 'a' })
  assert.deepEqual(parseClientId('a/m'), { deviceId: 'a', moduleId: 'm' })
  for (const clientId of ['', '/', 'a/', '/m', 'a/m/x', 'a b', 'x'.repeat(129)]) {
    assert.throws(() => parseClientId(clientId), HubFormatError, clientId)
  }
})
