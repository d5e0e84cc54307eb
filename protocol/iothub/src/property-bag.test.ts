import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BAG_PROPERTIES_MAX,
  HubFormatError,
  formatBag,
  isWellFormedBag,
  parseBag,
  readMessageProperties,
} from './index.ts'

const scalar = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10ffff }),
)
const wellFormedText = (max: number): fc.Arbitrary<string> =>
  fc.array(scalar, { maxLength: max }).map((points) => String.fromCodePoint(...points))

test('a bag is decoded as URI components: a plus is a plus, a name without = has no value', () => {
  assert.deepEqual(parseBag(''), [])
  assert.deepEqual(parseBag('a=1&b=&c&a=+%2B%20&%E2%82%AC=%F0%9F%98%80&&d==x='), [
    { name: 'a', value: '1' },
    { name: 'b', value: '' },
    { name: 'c', value: null },
    { name: 'a', value: '++ ' },
    { name: '€', value: '😀' },
    { name: 'd', value: '=x=' },
  ])
})

test('percent signs that encode no UTF-8, nameless and too many properties are refused', () => {
  for (const bag of [
    '%',
    'a=%',
    'a=%4',
    'a=%zz',
    'a=%4g',
    '%ff',
    'a=%80',
    'a=%C0%80',
    'a=%C1%BF',
    'a=%E2%82',
    'a=%E2%82&b=%AC',
    'a=%E2=%82%AC',
    'a=%E0%80%80',
    'a=%ED%A0%80',
    'a=%F0%80%80%80',
    'a=%F4%90%80%80',
    'a=%F5%80%80%80',
    'a=%E2%82A%AC',
    '=1',
    'a&=1',
    '=',
    'a&'.repeat(BAG_PROPERTIES_MAX),
    '&'.repeat(BAG_PROPERTIES_MAX),
    'x'.repeat(65_536),
  ]) {
    assert.equal(isWellFormedBag(bag), false, bag.slice(0, 40))
    assert.throws(() => parseBag(bag), HubFormatError, bag.slice(0, 40))
  }
  for (const bag of [
    '',
    '&',
    'a',
    '%3D=',
    '%00',
    'a=%F4%8F%BF%BF',
    'a=%ED%9F%BF',
    'a=%EE%80%80',
    'a=%e2%82%ac',
    'ü=ß',
  ]) {
    assert.equal(isWellFormedBag(bag), true, bag)
    parseBag(bag)
  }
  assert.equal(isWellFormedBag('&'.repeat(BAG_PROPERTIES_MAX - 1)), true)
})

test('isWellFormedBag says of any text whether parseBag takes it', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '%',
      '=',
      '&',
      '%2',
      '%C3',
      '%A9',
      '%E2%82%AC',
      '%ED',
      '%A0',
      '%80',
      '%F4',
      '%90',
      '%BF',
      'a',
      '%25',
    ),
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    fc.integer({ min: 0, max: 255 }).map((byte) => `%${byte.toString(16).padStart(2, '0')}`),
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      (bag) => {
        let isTaken = true
        try {
          parseBag(bag)
        } catch (error) {
          assert.ok(error instanceof HubFormatError)
          isTaken = false
        }
        assert.equal(isWellFormedBag(bag), isTaken)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('what is formatted parses to itself and can stand in a topic', () => {
  const entry = fc.record(
    {
      name: wellFormedText(12).filter((name) => name !== ''),
      value: fc.oneof(wellFormedText(20), fc.constant(null)),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
      const bag = formatBag(entries)
      assert.deepEqual(parseBag(bag), entries)
      assert.equal(isWellFormedBag(bag), true)
      assert.doesNotMatch(bag, /[/+#\0]/)
    }),
  )
  assert.throws(() => formatBag([{ name: '', value: '' }]), TypeError)
  assert.throws(() => formatBag([{ name: '\ud800', value: '' }]), TypeError)
})

test('system properties get the names that Azure shows; unknown ones stay', () => {
  const read = readMessageProperties(
    '%24.mid=m&$.cid=c&$.uid=u&$.to=%2Fx&$.exp=2026-11-02T12%3A00%3A00Z&$.ct=application%2Fjson&$.ce=utf-8&$.ifid=i&$.sub=s&$.on=o&$.zz=z&$.null&alert=true&iothub-creation-time-utc=t&bare&alert=false',
  )
  assert.deepEqual(
    { ...read.systemProperties },
    {
      messageId: 'm',
      correlationId: 'c',
      userId: 'u',
      to: '/x',
      expiryTimeUtc: '2026-11-02T12:00:00Z',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      interfaceId: 'i',
      'dt-subject': 's',
      outputName: 'o',
      '$.zz': 'z',
      '$.null': '',
    },
  )
  assert.deepEqual({ ...read.properties }, { alert: 'false', 'iothub-creation-time-utc': 't', bare: null })
})

test('names from devices cannot reach a prototype', () => {
  const { properties, systemProperties } = readMessageProperties('__proto__=1&constructor=2&$.__proto__=3')
  assert.equal(Object.getPrototypeOf(properties), null)
  assert.equal(Object.getPrototypeOf(systemProperties), null)
  assert.equal(JSON.stringify(properties), '{"__proto__":"1","constructor":"2"}')
})
