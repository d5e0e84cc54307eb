import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arbitraryTopicFilter, arbitraryTopicName } from './testing/index.ts'
import { isTopicFilter, isTopicName, matches } from './text.ts'

test('§4.7.1: topic filters, those of the standard’s examples among them', () => {
  const good = [
    'a',
    '/',
    '//',
    '#',
    '+',
    '/#',
    '+/+',
    'sport/tennis/player1/#',
    'sport/#',
    'sport/+/player1',
    '+/tennis/#',
    '/finance',
    ' ',
    '$SYS/#',
  ]
  const bad = [
    '',
    'sport/tennis#',
    'sport/tennis/#/ranking',
    'sport+',
    '+sport',
    'a/b+/c',
    '##',
    '#/',
    '++',
    'a/#/',
    'a\0b',
    '\ud800',
  ]
  for (const filter of good) assert.ok(isTopicFilter(filter), filter)
  for (const filter of bad) assert.ok(!isTopicFilter(filter), filter)
})

test('§4.7: topic names have no wildcards and are not empty', () => {
  for (const topic of ['a', '/', 'a b', 'é', '$iothub/twin/GET/?$rid=1']) assert.ok(isTopicName(topic), topic)
  for (const topic of ['', 'a/+', '#', 'a#b', 'a\0', '\udc00']) assert.ok(!isTopicName(topic), topic)
})

test('§4.7: matching, by the standard’s examples', () => {
  const cases: readonly (readonly [filter: string, topic: string, isMatch: boolean])[] = [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/tennis/player1/#', 'sport/tennis/player10', false],
    ['sport/#', 'sport', true],
    ['#', 'sport/a', true],
    ['#', '/', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['+/#', 'a', true],
    ['+/tennis/#', 'x/tennis', true],
    ['/finance', 'finance', false],
    ['ACCOUNTS', 'Accounts', false],
    ['a/b', 'a', false],
    ['a', 'a/b', false],
    ['a/+/c', 'a//c', true],
    // [MQTT-4.7.2-1]
    ['#', '$SYS/uptime', false],
    ['+/uptime', '$SYS/uptime', false],
    ['$SYS/#', '$SYS/uptime', true],
    ['$SYS/+', '$SYS/uptime', true],
  ]
  for (const [filter, topic, isMatch] of cases) assert.equal(matches(filter, topic), isMatch, `${filter} ${topic}`)
})

/** §4.7 once more, by levels. */
function matchesByLevels(filter: string, topic: string): boolean {
  const levels = topic.split('/')
  const rules = filter.split('/')
  if (topic.startsWith('$') && (rules[0] === '+' || rules[0] === '#')) return false
  if (rules.at(-1) === '#') {
    rules.pop()
    if (levels.length < rules.length) return false
    levels.length = rules.length
  }
  return rules.length === levels.length && rules.every((rule, i) => rule === '+' || rule === levels[i])
}

test('§4.7: matching character by character is matching level by level', () => {
  const near = fc.tuple(arbitraryTopicName, fc.array(fc.nat(5)), fc.boolean()).map(([topic, wild, ends]) => {
    const levels = topic.split('/')
    for (const at of wild) if (at < levels.length) levels[at] = '+'
    if (ends) levels[levels.length - 1] = '#'
    return { topic, filter: levels.join('/') }
  })
  const unrelated = fc.record({ topic: arbitraryTopicName, filter: arbitraryTopicFilter })
  fc.assert(
    fc.property(fc.oneof(near, unrelated), ({ topic, filter }) => {
      assert.equal(matches(filter, topic), matchesByLevels(filter, topic))
    }),
    { numRuns: 1000 },
  )
})
