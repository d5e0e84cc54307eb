/** Names of blobs as devices choose them. They are names only: no path of a file is ever made of one. */

import { UploadError } from './errors.ts'
import { BLOB_NAME_CHARACTERS_MAX } from './limits.ts'

/**
 * The blob's whole name: `{deviceId}/{requested}`, as IoT Hub has it.
 * Refused are names under which a blob could not be uploaded: URL libraries turn `\` into `/`, take out segments that
 * are `.` or `..`, and drop control characters; so does Azure Storage refuse them, or loses the blob.
 * @throws UploadError `bad-name`.
 */
export function blobNameOf(deviceId: string, requested: string): string {
  const name = `${deviceId}/${requested}`
  if (requested === '') throw bad('the name of the blob is empty')
  if (name.length > BLOB_NAME_CHARACTERS_MAX) {
    throw bad(`the name of the blob has more than ${BLOB_NAME_CHARACTERS_MAX} characters, the device id with them`)
  }
  if (!name.isWellFormed()) throw bad('the name of the blob has no UTF-8 form')
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(requested))
    throw bad('the name of the blob has a control character or a backslash')
  if (requested.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw bad('a segment of the name of the blob is . or ..')
  }
  return name
}

/** The name in the path of a URL: percent-encoded, its slashes kept. */
export function blobPath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

function bad(message: string): UploadError {
  return new UploadError('bad-name', message)
}
