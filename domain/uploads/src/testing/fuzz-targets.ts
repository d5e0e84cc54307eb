/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { timestampOf } from '@holdfast/base'
import {
  blobNameOf,
  blobPath,
  checkBlockId,
  formatGrantToken,
  parseBlockList,
  readGrantToken,
  readNotification,
  UploadError,
  verifyGrantToken,
} from '../index.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const KEY = new Uint8Array(32).fill(7)
const GRANT = { correlationId: '0'.repeat(44), blobName: 'd/a b', expires: timestampOf(1_800_000_000_000) }

function seeds(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof UploadError) return undefined
    throw error
  }
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'block-list',
    seeds: seeds(
      '<?xml version="1.0" encoding="utf-8"?><BlockList><Latest>AAAA</Latest><Latest>BBBB</Latest></BlockList>',
      '<BlockList><Committed>QQ==</Committed>\n<Uncommitted>QUI=</Uncommitted></BlockList>',
      '<BlockList/>',
      '<!DOCTYPE a [<!ENTITY b "c">]><BlockList><Latest>&b;</Latest></BlockList>',
    ),
    run(bytes) {
      const ids = unlessRefused(() => parseBlockList(bytes))
      if (ids === undefined) return
      for (const id of ids) must(checkBlockId(id) === id, 'ids are checked')
      const again = `<BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`
      must(parseBlockList(Buffer.from(again)).join() === ids.join(), 'what was parsed parses to itself')
    },
  },
  {
    name: 'blob-query',
    seeds: seeds(
      `${formatGrantToken(GRANT, KEY).slice(1)}&comp=block&blockid=AAAA`,
      'sv=2021-08-06&sr=b&si=x&sp=w&se=2027-01-15T08:00:00Z&sig=AAAA',
      'sig=a&sig=b&si=&sp=rw',
    ),
    run(bytes) {
      const query = new URLSearchParams(Buffer.from(bytes).toString('latin1'))
      const claim = readGrantToken(query)
      const isGood = verifyGrantToken(query, GRANT, KEY)
      must(!isGood || claim?.correlationId === GRANT.correlationId, 'a good token names its grant')
      const other = { ...GRANT, blobName: 'd/other' }
      must(!isGood || !verifyGrantToken(query, other, KEY), 'a token is good for one blob')
      must(!verifyGrantToken(query, GRANT, new Uint8Array(32)), 'and under one key')
    },
  },
  {
    name: 'blob-name',
    seeds: seeds('a/b.txt', '../x', 'a//b', 'ÄÖ 東京 🔩', '%2e%2e/x', 'a\\b', 'x/./y', 'CON'),
    run(bytes) {
      const name = unlessRefused(() => blobNameOf('d', Buffer.from(bytes).toString('utf8')))
      if (name === undefined) return
      must(name.startsWith('d/'), 'a blob is in the folder of its device')
      const url = new URL(`https://hub.example/c/${blobPath(name)}`)
      must(decodeURIComponent(url.pathname) === `/c/${name}`, 'a name goes through a URL unchanged')
    },
  },
  {
    name: 'upload-notification',
    seeds: seeds(
      '{"isSuccess":true,"statusCode":200,"statusDescription":"x"}',
      '{"correlationId":"a","isSuccess":false,"statusCode":-1}',
    ),
    run(bytes) {
      const outcome = unlessRefused(() => readNotification(bytes, undefined))
      must(outcome === undefined || outcome.correlationId !== '', 'an outcome is of some upload')
      unlessRefused(() => readNotification(bytes, 'a'))
    },
  },
]
