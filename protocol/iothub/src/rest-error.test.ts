import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { ERROR_CODE_HEADER, REST_ERRORS, formatMethodError, formatRestError, formatTwinError } from './index.ts'

const AT = timestampOf(Date.UTC(2026, 10, 2, 12))
const NOT_FOUND = { code: 'DeviceNotFound', message: 'Device a; not registered', trackingId: 'ab12', at: AT } as const

/** As azure-iothub's error translation reads it. */
function codeSeenByNode(body: string): string | undefined {
  const { Message } = JSON.parse(body) as { Message: string }
  return Message.split(';')[0]?.split(':')[1]
}

test('the body has the form in which Node finds the code', () => {
  const answer = formatRestError(NOT_FOUND)
  assert.equal(answer.status, 404)
  assert.equal(answer.headers[ERROR_CODE_HEADER], 'DeviceNotFound')
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
  assert.equal(codeSeenByNode(answer.body), 'DeviceNotFound')
  assert.deepEqual(JSON.parse(answer.body), {
    Message: 'ErrorCode:DeviceNotFound;Device a; not registered',
    ExceptionMessage: 'Tracking ID:ab12-G:0-TimeStamp:2026-11-02T12:00:00.000Z',
  })
})

test('failed methods carry JSON inside the message', () => {
  const answer = formatMethodError({ ...NOT_FOUND, code: 'DeviceNotOnline' }, { timeout: '00:00:00' })
  assert.equal(answer.status, 404)
  const { Message, ExceptionMessage } = JSON.parse(answer.body) as { Message: string; ExceptionMessage: string }
  assert.equal(ExceptionMessage, '')
  assert.deepEqual(JSON.parse(Message), {
    errorCode: 404_103,
    trackingId: 'ab12',
    message: 'Device a; not registered',
    info: { timeout: '00:00:00' },
    timestampUtc: '2026-11-02T12:00:00.000Z',
  })
})

test('failed twin operations carry a truthy errorCode, which is all that Node looks at', () => {
  assert.deepEqual(JSON.parse(formatTwinError({ ...NOT_FOUND, code: 'IotHubFormatError' })), {
    errorCode: 400_006,
    trackingId: 'ab12',
    message: 'Device a; not registered',
    timestampUtc: '2026-11-02T12:00:00.000Z',
  })
})

test('every number begins with its status', () => {
  for (const [code, row] of Object.entries(REST_ERRORS)) {
    assert.equal(Math.floor(row.errorCode / 1_000), row.status, code)
  }
})
