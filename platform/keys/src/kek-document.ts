/**
 * What the files of key-encryption keys have in common: format, version, id, one or two keys, and a check sum against a
 * disk's errors, so that they are told as such and not as a ring that does not verify.
 */

import { createHash } from 'node:crypto'
import * as document from './document.ts'
import { fileError } from './errors.ts'
import type { KeyFile, KeyFolder } from './folder.ts'
import { KEK_BYTES_MAX, KEKS_MAX } from './limits.ts'
import { whileReading } from './reading.ts'

export interface KekForm<T> {
  readonly format: string
  readonly version: number
  /** Pattern of `id`. */
  readonly id: RegExp
  /** Members beside `format`, `version`, `id` and `keys`. */
  readonly members: readonly string[]
  /** Of one of `keys`. May throw DocumentError. */
  readonly key: (value: document.JsonObject) => T
}

export interface KekDocument<T> {
  readonly id: string
  readonly keys: readonly T[]
  /** The whole, for the members that are the form's own. */
  readonly body: document.JsonObject
}

/** The file of a home, or undefined where there is none. @throws KeyError `unavailable`. */
export function readKekFile(folder: KeyFolder, name: string): Promise<KeyFile | undefined> {
  return whileReading(`${folder.path}/${name}`, () => folder.read(name, KEK_BYTES_MAX))
}

export function formatKek(body: document.JsonObject): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ ...body, check: checkOf(body) }, undefined, 1)}\n`)
}

/** @throws KeyError `exposed`, `damaged`, `newer`. */
export function parseKek<T>(found: KeyFile, file: string, form: KekForm<T>): KekDocument<T> {
  if ((found.mode & 0o077) !== 0 || !found.isOurs) {
    throw fileError('exposed', {
      file,
      what: `others may read the key-encryption key (mode ${found.mode.toString(8)})`,
      remedy: `run chmod 600 ${file} as its owner, then rotate the key-encryption key, for it may be known`,
    })
  }
  try {
    return parseBody(found.bytes, file, form)
  } catch (cause) {
    if (!(cause instanceof document.DocumentError)) throw cause
    throw fileError(
      'damaged',
      { file, what: `the key-encryption key file is damaged: ${cause.message}`, remedy: 'put it back from a backup' },
      cause,
    )
  } finally {
    found.bytes.fill(0)
  }
}

function parseBody<T>(bytes: Uint8Array, file: string, form: KekForm<T>): KekDocument<T> {
  const { check, ...body } = document.parseDocument(bytes)
  if (body.format !== form.format) throw new document.DocumentError('is no key-encryption key file of this kind')
  if (typeof body.version === 'number' && body.version > form.version) {
    throw fileError('newer', {
      file,
      what: `it was written by a newer version (format ${body.version})`,
      remedy: 'run that version',
    })
  }
  document.requireNames(body, ['format', 'version', 'id', 'keys', ...form.members])
  document.countOf(body.version, 'version', 1, form.version)
  const id = document.textOf(body.id, 'id', form.id)
  const keys = document.arrayOf(body.keys, 'keys', KEKS_MAX).map((value) => form.key(document.objectOf(value, 'key')))
  if (keys.length === 0) throw new document.DocumentError('it holds no key')
  if (check !== checkOf(body)) throw new document.DocumentError('its check sum does not match')
  return { id, keys, body }
}

function checkOf(body: object): string {
  return createHash('sha256')
    .update(`holdfast kek check|${JSON.stringify(body)}`)
    .digest('hex')
    .slice(0, 16)
}
