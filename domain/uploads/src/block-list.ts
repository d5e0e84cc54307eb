/** Blocks by their ids: the parameter `blockid` and the body of Put Block List (Azure Storage REST). */

import { UploadError } from './errors.ts'
import { BLOCK_ID_BYTES_MAX, BLOCK_LIST_BYTES_MAX, BLOCKS_MAX } from './limits.ts'

/**
 * Checks a block's id: base64 of 1 to 64 bytes. What it stands for is not looked at: ids are compared as text.
 * @throws UploadError `bad-block-id`.
 */
export function checkBlockId(text: string): string {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = (text.length / 4) * 3 - padding
  if (!isBase64 || bytes < 1 || bytes > BLOCK_ID_BYTES_MAX) {
    throw new UploadError('bad-block-id', `the id of a block is base64 of 1 to ${BLOCK_ID_BYTES_MAX} bytes`)
  }
  return text
}

const PROLOGUE = /^(?:\uFEFF)?\s*(?:<\?xml\s[^<>]{0,200}\?>)?\s*<BlockList\s*(\/)?>/
const ENTRY =
  /\s*<(Latest|Committed|Uncommitted)\s*>\s*([A-Za-z0-9+/=]{1,100})\s*<\/(Latest|Committed|Uncommitted)\s*>/y
const END = /^\s*<\/BlockList\s*>\s*$/

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The ids of a block list, in order. No general XML: no document type, entities, comments or attributes, for none is
 * ever sent and each has been somebody's hole.
 *
 *     <?xml version="1.0" encoding="utf-8"?><BlockList><Latest>id</Latest>…</BlockList>
 *
 * @throws UploadError `bad-block-list`, `bad-block-id`, `too-many-blocks`.
 */
export function parseBlockList(body: Uint8Array): readonly string[] {
  if (body.length > BLOCK_LIST_BYTES_MAX) throw bad('the block list is too long')
  let text: string
  try {
    text = decoder.decode(body)
  } catch {
    throw bad('the block list is not UTF-8')
  }
  const prologue = PROLOGUE.exec(text)
  if (prologue === null) throw bad('the body is no block list')
  const ids: string[] = []
  let at = prologue[0].length
  if (prologue[1] !== undefined) {
    if (text.slice(at).trim() !== '') throw bad('something stands behind the block list')
    return ids
  }
  for (;;) {
    ENTRY.lastIndex = at
    const entry = ENTRY.exec(text)
    if (entry === null) break
    const [whole, opening, id = '', closing] = entry
    if (opening !== closing) throw bad('an element of the block list is not closed')
    if (ids.length >= BLOCKS_MAX) throw new UploadError('too-many-blocks', `a blob has at most ${BLOCKS_MAX} blocks`)
    ids.push(checkBlockId(id))
    at += whole.length
  }
  if (text.length - at > 1_024 || !END.test(text.slice(at))) throw bad('the block list has something other than blocks')
  return ids
}

function bad(message: string): UploadError {
  return new UploadError('bad-block-list', message)
}
