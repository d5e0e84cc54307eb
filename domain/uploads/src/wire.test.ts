import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import {
  blobNameOf,
  blobPath,
  BLOCKS_MAX,
  checkBlockId,
  Crc64,
  formatGrantToken,
  parseBlockList,
  readNotification,
  UploadError,
  type UploadErrorCode,
  verifyGrantToken,
} from './index.ts'

function refuses(code: UploadErrorCode, what: () => unknown): void {
  assert.throws(what, (error) => error instanceof UploadError && error.code === code)
}

test('a blob is in the folder of its device, whatever its name', () => {
  assert.equal(blobNameOf('d', 'a/b c%2e.txt'), 'd/a/b c%2e.txt')
  assert.equal(blobNameOf('d', '東京/🔩'), 'd/東京/🔩')
  assert.equal(blobNameOf('d', '/x//y'), 'd//x//y')
  assert.equal(blobNameOf('d', '...'), 'd/...')
  for (const name of [
    '',
    '..',
    '.',
    '../x',
    'a/../../x',
    'a/./b',
    'a\\..\\b',
    'a\nb',
    'a\u0000',
    '\ud800',
    'x'.repeat(1_023),
  ]) {
    refuses('bad-name', () => blobNameOf('d', name))
  }
  assert.equal(blobNameOf('d', 'x'.repeat(1_022)).length, 1_024)
  assert.equal(blobPath('d/a b/ü%'), 'd/a%20b/%C3%BC%25')
})

test('a block list is ids in order, and no XML beyond that', () => {
  const list = (text: string): readonly string[] => parseBlockList(Buffer.from(text))
  assert.deepEqual(
    list(
      '<?xml version="1.0" encoding="utf-8"?>\r\n<BlockList>\n <Latest>QQ==</Latest><Committed>QUI=</Committed></BlockList>\n',
    ),
    ['QQ==', 'QUI='],
  )
  assert.deepEqual(list('<BlockList/>'), [])
  assert.deepEqual(list('<BlockList></BlockList>'), [])
  assert.deepEqual(list('<BlockList><Latest>QQ==</Latest><Uncommitted>QQ==</Uncommitted></BlockList>'), [
    'QQ==',
    'QQ==',
  ])
  for (const text of [
    '',
    '<BlockList>',
    '<BlockList><Latest>QQ==</Committed></BlockList>',
    '<BlockList><Latest a="b">QQ==</Latest></BlockList>',
    '<BlockList><!-- --></BlockList>',
    '<BlockList><Other>QQ==</Other></BlockList>',
    '<!DOCTYPE x><BlockList/>',
    '<BlockList/>x',
    '<BlockList></BlockList>x',
  ]) {
    refuses('bad-block-list', () => list(text))
  }
  refuses('bad-block-list', () => parseBlockList(Uint8Array.of(0xff)))
  refuses('bad-block-id', () => list('<BlockList><Latest>Q===</Latest></BlockList>'))
})

test('a blob has 50,000 blocks at most, and that many are read quickly', () => {
  const entry = '<Latest>QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=</Latest>'
  const started = performance.now()
  assert.equal(parseBlockList(Buffer.from(`<BlockList>${entry.repeat(BLOCKS_MAX)}</BlockList>`)).length, BLOCKS_MAX)
  refuses('too-many-blocks', () =>
    parseBlockList(Buffer.from(`<BlockList>${entry.repeat(BLOCKS_MAX + 1)}</BlockList>`)),
  )
  // Whitespace that leads to nothing costs no more than its length.
  refuses('bad-block-list', () => parseBlockList(Buffer.from(`<BlockList>${' '.repeat(2_000_000)}x`)))
  assert.ok(performance.now() - started < 5_000)
})

test('a block’s id is base64 of 1 to 64 bytes', () => {
  for (const bytes of [1, 2, 3, 63, 64]) checkBlockId(Buffer.alloc(bytes, 1).toString('base64'))
  for (const id of [
    '',
    'A',
    'AA',
    'AAA',
    'QQ=',
    '====',
    'Q Q=',
    'QQ==QQ==',
    'ü===',
    Buffer.alloc(65).toString('base64'),
  ]) {
    refuses('bad-block-id', () => checkBlockId(id))
  }
})

test('CRC-64/NVME: the check value of the catalogue, whole and in pieces', () => {
  const check = Buffer.from('123456789')
  const expected = Buffer.from('ae8b14860a799888', 'hex').reverse()
  for (const cut of [0, 1, 5, 9]) {
    const crc = new Crc64()
    crc.update(check.subarray(0, cut))
    crc.update(check.subarray(cut))
    assert.deepEqual(Buffer.from(crc.digest()), expected)
  }
  assert.deepEqual(Buffer.from(new Crc64().digest()), Buffer.alloc(8))
})

test('a token is good for its grant, under its key, unchanged', () => {
  const key = new Uint8Array(32).fill(1)
  const grant = { correlationId: 'c1', blobName: 'd/x', expires: timestampOf(1_800_000_000_000) }
  const token = formatGrantToken(grant, key)
  assert.match(token, /^\?sv=2021-08-06&sr=b&si=c1&sp=w&se=2027-01-15T08%3A00%3A00Z&sig=/)
  const query = (change: (query: URLSearchParams) => void = () => undefined): URLSearchParams => {
    const changed = new URLSearchParams(token)
    change(changed)
    return changed
  }
  assert.ok(verifyGrantToken(query(), grant, key))
  // A client adds its own parameters.
  assert.ok(
    verifyGrantToken(
      query((one) => one.set('comp', 'block')),
      grant,
      key,
    ),
  )
  for (const name of ['sv', 'sr', 'si', 'sp', 'se', 'sig']) {
    assert.ok(
      !verifyGrantToken(
        query((one) => one.delete(name)),
        grant,
        key,
      ),
      name,
    )
    assert.ok(
      !verifyGrantToken(
        query((one) => one.set(name, `${one.get(name) ?? ''}x`)),
        grant,
        key,
      ),
      name,
    )
  }
  assert.ok(
    !verifyGrantToken(
      query((one) => one.append('sig', one.get('sig') ?? '')),
      grant,
      key,
    ),
  )
  assert.ok(!verifyGrantToken(query(), { ...grant, blobName: 'd/y' }, key))
  assert.ok(!verifyGrantToken(query(), { ...grant, correlationId: 'c2' }, key))
  assert.ok(!verifyGrantToken(query(), { ...grant, expires: timestampOf(1_800_000_001_000) }, key))
  assert.ok(!verifyGrantToken(query(), grant, new Uint8Array(32)))
})

test('a notification names its upload in the address or in its body', () => {
  const read = (value: unknown, addressed?: string): unknown =>
    readNotification(Buffer.from(JSON.stringify(value)), addressed)
  assert.deepEqual(read({ isSuccess: true, statusCode: 200, statusDescription: 'x' }, 'c'), {
    correlationId: 'c',
    isSuccess: true,
    statusCode: 200,
  })
  assert.deepEqual(read({ correlationId: 'c', isSuccess: false }), { correlationId: 'c', isSuccess: false })
  for (const value of [
    null,
    [],
    {},
    { isSuccess: true },
    { correlationId: '', isSuccess: true },
    { correlationId: 'c' },
    { correlationId: 1, isSuccess: true },
    { correlationId: 'c', isSuccess: 'yes' },
  ]) {
    refuses('bad-notification', () => read(value))
  }
  refuses('bad-notification', () => read({ correlationId: 'other', isSuccess: true }, 'c'))
  refuses('bad-notification', () => readNotification(Buffer.from('{'), 'c'))
})
