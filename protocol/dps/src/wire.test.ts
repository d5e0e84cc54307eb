import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  DpsError,
  checkApiVersion,
  formatContinuation,
  formatEtag,
  formatResponseTopic,
  isOperationId,
  parseContinuation,
  parseDpsPath,
  parseIfMatch,
  parsePageSize,
  parseProvisioningUserName,
  parseRegistrationId,
  parseRequestTopic,
} from './index.ts'

function isRefusedAs(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DpsError && error.code === code
}

describe('registration ids', () => {
  for (const [text, id] of [
    ['pump-1', 'pump-1'],
    ['PUMP.1:a_b-', 'pump.1:a_b-'],
    ['a', 'a'],
    ['a'.repeat(128), 'a'.repeat(128)],
    ['a'.repeat(129), undefined],
    ['', undefined],
    ['a.', undefined],
    ['a:', undefined],
    ['a_', undefined],
    ['a b', undefined],
    ['a/b', undefined],
    ['pump\n', undefined],
    // Folds to ASCII `k` under full case mapping.
    ['\u212a', undefined],
    ['ß', undefined],
  ] as const) {
    test(JSON.stringify(text.slice(0, 20)), () => assert.equal(parseRegistrationId(text), id))
  }

  test('operation ids', () => {
    assert.ok(isOperationId('4.0011aabb.5566'))
    for (const text of ['', 'a/b', 'a b', 'x'.repeat(129)]) assert.ok(!isOperationId(text))
  })
})

describe('MQTT user names', () => {
  test('as the SDKs write them, with and without a question mark', () => {
    assert.deepEqual(
      parseProvisioningUserName('0ne1/registrations/Pump-1/api-version=2019-03-31&ClientVersion=a%2Fb'),
      { idScope: '0ne1', registrationId: 'Pump-1', apiVersion: '2019-03-31', clientVersion: 'a/b' },
    )
    assert.equal(parseProvisioningUserName('0ne1/registrations/a/?api-version=2021-06-01')?.apiVersion, '2021-06-01')
    assert.equal(parseProvisioningUserName('0ne1/registrations/a/')?.apiVersion, '')
  })

  for (const text of [
    'hub.example/device/?api-version=2021-04-12',
    '0ne1/registrations/a',
    '0ne1/registrations/a b/api-version=1',
    '/registrations/a/api-version=1',
    '0ne1/registrations/a/api-version=1&api-version=2',
    '0ne1/registrations/a/api-version=%zz',
    `0ne1/registrations/a/${'x'.repeat(3_000)}`,
  ]) {
    test(`${text.slice(0, 50)} is none`, () => assert.equal(parseProvisioningUserName(text), undefined))
  }
})

describe('MQTT topics', () => {
  test('register and poll', () => {
    assert.deepEqual(parseRequestTopic('$dps/registrations/PUT/iotdps-register/?$rid=1-2'), {
      kind: 'register',
      requestId: '1-2',
      force: false,
    })
    assert.deepEqual(parseRequestTopic('$dps/registrations/PUT/iotdps-register/?$rid=1&forceRegistration=true'), {
      kind: 'register',
      requestId: '1',
      force: true,
    })
    const poll = { kind: 'poll', requestId: '1', operationId: '4.a.b' }
    const base = '$dps/registrations/GET/iotdps-get-operationstatus/'
    assert.deepEqual(parseRequestTopic(`${base}?$rid=1&operationId=4.a.b`), poll)
    assert.deepEqual(parseRequestTopic(`${base}?operationId=4.a.b&$rid=1`), poll)
  })

  for (const topic of [
    '$dps/registrations/PUT/iotdps-register/',
    '$dps/registrations/PUT/iotdps-register/?$rid=',
    '$dps/registrations/PUT/iotdps-register/?$rid=a$b',
    '$dps/registrations/PUT/iotdps-register/?$rid=a/b',
    '$dps/registrations/PUT/iotdps-register/?$rid=a&$rid=b',
    `$dps/registrations/PUT/iotdps-register/?$rid=${'a'.repeat(300)}`,
    '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1',
    '$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=a/b',
    '$dps/registrations/res/202/?$rid=1',
    'devices/a/messages/events/',
  ]) {
    test(`${topic.slice(0, 70)} is no request`, () => assert.equal(parseRequestTopic(topic), undefined))
  }

  test('the answer has $rid first and retry-after in seconds', () => {
    assert.equal(
      formatResponseTopic({ status: 202, requestId: '1', retryAfterSeconds: 3 }),
      '$dps/registrations/res/202/?$rid=1&retry-after=3',
    )
    assert.equal(formatResponseTopic({ status: 200, requestId: '1' }), '$dps/registrations/res/200/?$rid=1')
  })
})

describe('api-version', () => {
  test('every version that clients name is taken', () => {
    for (const version of ['2018-04-01', '2019-03-31', '2021-06-01', '2021-10-01', '2025-07-01-preview']) {
      assert.equal(checkApiVersion(version), version)
    }
  })
  for (const version of [undefined, '', '1', '2016-01-01', '2099-01-01', '2021-13-01', '2021-10-01x']) {
    test(`${version} is refused`, () => assert.throws(() => checkApiVersion(version), isRefusedAs('bad-api-version')))
  }
})

describe('etags', () => {
  test('a document carries the quotes, and If-Match is read with and without them', () => {
    assert.equal(formatEtag('a1'), '"a1"')
    for (const text of ['"a1"', 'a1', ' "a1" ']) assert.deepEqual(parseIfMatch(text), { kind: 'etag', etag: 'a1' })
    for (const text of ['*', '"*"']) assert.deepEqual(parseIfMatch(text), { kind: 'any' })
    assert.deepEqual(parseIfMatch(undefined), { kind: 'none' })
  })
  test('a weak one matches nothing (RFC 9110 §13.1.1)', () => {
    const match = parseIfMatch('W/"a1"')
    assert.notDeepEqual(match, { kind: 'etag', etag: 'a1' })
    assert.equal(match.kind, 'etag')
  })
  for (const text of ['', '""', '"a", "b"', 'a"b', 'x'.repeat(300)]) {
    test(`${text.slice(0, 20)} is refused`, () => assert.throws(() => parseIfMatch(text), isRefusedAs('bad-request')))
  }
})

describe('continuation tokens', () => {
  test('lead on where they came from', () => {
    assert.equal(parseContinuation('q', formatContinuation('q', 'pump-9')), 'pump-9')
  })
  test('of another query, made up, or changed, are refused', () => {
    const token = formatContinuation('q', 'pump-9')
    for (const bad of ['', 'x', `${token}=`, token.slice(1), Buffer.from('1 q pump-9').toString('base64url')]) {
      assert.throws(() => parseContinuation('q', bad), isRefusedAs('bad-continuation'))
    }
    assert.throws(() => parseContinuation('other', token), isRefusedAs('bad-continuation'))
    assert.throws(() => parseContinuation('q', formatContinuation('q', 'a b')), isRefusedAs('bad-continuation'))
  })
  test('page sizes', () => {
    assert.equal(parsePageSize(undefined), 100)
    assert.equal(parsePageSize('0'), 100)
    assert.equal(parsePageSize('5'), 5)
    assert.equal(parsePageSize('99999'), 1_000)
    for (const bad of ['', '-1', '1.5', 'x']) assert.throws(() => parsePageSize(bad), isRefusedAs('bad-request'))
  })
})

describe('paths', () => {
  test('of a device', () => {
    assert.deepEqual(parseDpsPath('/0ne1/registrations/Pump%2D1/register'), {
      kind: 'device',
      path: { kind: 'register', idScope: '0ne1', registrationId: 'Pump-1' },
    })
    assert.deepEqual(parseDpsPath('/0ne1/registrations/a/operations/4.a.b'), {
      kind: 'device',
      path: { kind: 'operation', idScope: '0ne1', registrationId: 'a', operationId: '4.a.b' },
    })
    assert.deepEqual(parseDpsPath('/0ne1/registrations/a/'), {
      kind: 'device',
      path: { kind: 'look-up', idScope: '0ne1', registrationId: 'a' },
    })
  })

  test('of the service, in any case', () => {
    const mechanism = { kind: 'attestation-mechanism', scope: 'group', id: 'g' }
    for (const text of ['/enrollmentgroups/G/attestationmechanism', '/enrollmentGroups/g/attestationMechanism/']) {
      assert.deepEqual(parseDpsPath(text), { kind: 'service', path: mechanism })
    }
    assert.deepEqual(parseDpsPath('/enrollments'), {
      kind: 'service',
      path: { kind: 'enrollments', scope: 'individual' },
    })
    assert.deepEqual(parseDpsPath('/enrollments/query'), {
      kind: 'service',
      path: { kind: 'enrollment-query', scope: 'individual' },
    })
    assert.deepEqual(parseDpsPath('/registrations/g/query'), {
      kind: 'service',
      path: { kind: 'registration-query', groupId: 'g' },
    })
    assert.deepEqual(parseDpsPath('/registrations/a'), { kind: 'service', path: { kind: 'registration', id: 'a' } })
  })

  test('with an id that is none', () => {
    for (const text of ['/enrollments/a%20b', '/enrollments/%zz', '/0ne1/registrations/a%2Fb/register']) {
      assert.deepEqual(parseDpsPath(text), { kind: 'bad-id' })
    }
  })

  test('of the hub are not taken', () => {
    for (const text of [
      '/devices/a',
      '/',
      '',
      '/api/v1/enrollments',
      '/registrations',
      '/enrollments/a/b/c/d/e',
      // A device called `registrations`.
      '/devices/registrations/modules',
      '/Twins/registrations/methods',
    ]) {
      assert.equal(parseDpsPath(text), undefined)
    }
  })
})
