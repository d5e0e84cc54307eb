import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  HubFormatError,
  isApiVersion,
  isDeviceId,
  isModuleId,
  parseApiVersion,
  parseDeviceId,
  parseModuleId,
} from './index.ts'

test('ids have 1 to 128 characters of the documented set, and are case-sensitive text', () => {
  for (const id of ['a', 'A-1', "-.+%_#*?!(),:=@$'", 'x'.repeat(128), '...', '.a']) {
    assert.equal(parseDeviceId(id), id)
    assert.equal(parseModuleId(id), id)
  }
  for (const id of [
    '',
    'x'.repeat(129),
    'a b',
    'a/b',
    'a&b',
    'a;b',
    'a"b',
    'é',
    'a\n',
    '\n',
    'a\0',
    '<a>',
    'a\\b',
    '~',
  ]) {
    assert.equal(isDeviceId(id), false, id)
    assert.equal(isModuleId(id), false, id)
    assert.throws(() => parseDeviceId(id), HubFormatError)
    assert.throws(() => parseModuleId(id), HubFormatError)
  }
})

test('an id that a URL library would take out of the path is none', () => {
  for (const id of ['.', '..']) assert.equal(isDeviceId(id), false)
})

test('api-version is any real date, with or without preview', () => {
  for (const version of ['2016-11-14', '2018-06-30', '2019-03-31', '2021-04-12', '2025-08-01-preview', '2024-02-29']) {
    assert.equal(parseApiVersion(version), version)
  }
  for (const version of [
    '',
    '2021-4-12',
    '2021-04-31',
    '2023-02-29',
    '2021-13-01',
    '2021-00-01',
    '1999-01-01',
    '2021-04-12-beta',
    '2021-04-12-preview-preview',
    '2021-04-12\n',
    '*',
  ]) {
    assert.equal(isApiVersion(version), false, version)
    assert.throws(() => parseApiVersion(version), HubFormatError)
  }
})
