import assert from 'node:assert/strict'
import { test } from 'node:test'
import { integerOf, objectIdentifierOf, parseDer } from './der.ts'
import { PkiError } from './errors.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

function refuses(text: string, about: string): void {
  assert.throws(
    () => parseDer(hex(text)),
    (error) => error instanceof PkiError && error.code === 'bad-der',
    about,
  )
}

test('elements nest, and their bytes are views', () => {
  const bytes = hex('30 06 02 01 05 01 01 ff')
  const sequence = parseDer(bytes)
  const [integer, boolean] = sequence.children
  assert.ok(integer !== undefined && boolean !== undefined)
  assert.equal(integerOf(integer), 5)
  assert.equal(boolean.tag, 1)
  assert.deepEqual(sequence.bytes, bytes)
  assert.equal(sequence.content.buffer, bytes.buffer)
})

test('object identifiers, of joint arcs too', () => {
  assert.equal(objectIdentifierOf(parseDer(hex('06 03 55 1d 13'))), '2.5.29.19')
  assert.equal(objectIdentifierOf(parseDer(hex('06 09 2a 86 48 86 f7 0d 01 01 0b'))), '1.2.840.113549.1.1.11')
  assert.equal(objectIdentifierOf(parseDer(hex('06 03 88 37 03'))), '2.999.3')
  assert.throws(() => objectIdentifierOf(parseDer(hex(`06 0c 2a ${'ff'.repeat(10)} 7f`))), PkiError)
})

test('X.690 §10.1: lengths are definite and the shortest', () => {
  refuses('30 80 00 00', 'indefinite')
  refuses('30 81 03 02 01 05', 'long form for a short length')
  refuses('04 82 00 80', 'leading zero')
  refuses('30 84 00 00 00 03 02 01 05', 'four bytes')
  refuses('30 ff', 'reserved')
  parseDer(hex(`04 81 80 ${'00'.repeat(128)}`))
})

test('nothing is cut off, left over or reaches out of its parent', () => {
  for (const bytes of ['', '30', '30 03 02 01', '30 01 02', '02 01 05 00', '30 03 02 02 05', '30 81', '30 82 01']) {
    refuses(bytes, bytes)
  }
})

test('X.690 §8 and §11: one encoding of a value', () => {
  refuses('01 01 01', 'true is ff')
  refuses('01 02 00 00', 'a boolean of two bytes')
  refuses('02 00', 'an integer of no bytes')
  refuses('02 02 00 05', 'a padded integer')
  refuses('02 02 ff 80', 'a padded negative integer')
  refuses('03 00', 'a bit string without its count')
  refuses('03 02 08 00', 'eight unused bits')
  refuses('03 01 01', 'unused bits of nothing')
  refuses('03 02 01 01', 'a bit behind the end')
  refuses('05 01 00', 'a null with content')
  refuses('06 00', 'an empty object identifier')
  refuses('06 02 80 01', 'a padded subidentifier')
  refuses('06 01 80', 'an unfinished subidentifier')
  refuses('24 03 04 01 00', 'a constructed octet string')
  refuses('2c 03 0c 01 61', 'a constructed string')
  refuses('10 00', 'a primitive sequence')
  refuses('11 00', 'a primitive set')
  refuses('00 00', 'end of contents')
  refuses('1f 81 00 00', 'a long tag')
})

test('depth and number are bounded before they cost anything', () => {
  const nested = (depth: number): string => {
    let bytes = ''
    for (let at = 0; at < depth; at += 1) bytes = `30${(bytes.length / 2).toString(16).padStart(2, '0')}${bytes}`
    return bytes
  }
  parseDer(hex(nested(16)))
  for (const bytes of [hex(nested(60)), hex(`30 82 20 00 ${'0500'.repeat(4096)}`)]) {
    assert.throws(
      () => parseDer(bytes),
      (error) => error instanceof PkiError && error.code === 'too-large',
    )
  }
})
