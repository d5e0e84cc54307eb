/** Answers of the blob endpoint in the form of Azure Storage, which `@azure/storage-blob` reads. */

import type { UploadErrorCode } from '@holdfast/uploads'

/** The version that is spoken, where the client names none. */
const VERSION = '2021-08-06'

export interface BlobRefusal {
  readonly status: 400 | 403 | 405 | 409 | 411 | 413 | 500 | 503
  /** Azure Storage's name of the error. */
  readonly code: string
  readonly message: string
}

export const UPLOAD_REFUSALS: Readonly<Record<UploadErrorCode, Omit<BlobRefusal, 'message'>>> = {
  'bad-name': { status: 400, code: 'InvalidResourceName' },
  'bad-block-id': { status: 400, code: 'InvalidBlobOrBlock' },
  'bad-block-list': { status: 400, code: 'InvalidXmlDocument' },
  'bad-notification': { status: 400, code: 'InvalidInput' },
  'unknown-block': { status: 400, code: 'InvalidBlockList' },
  'too-many-blocks': { status: 400, code: 'BlockListTooLong' },
  'too-many-uploads': { status: 403, code: 'OperationNotAllowed' },
  'too-many-writes': { status: 503, code: 'ServerBusy' },
  'not-authorized': { status: 403, code: 'AuthenticationFailed' },
  'unknown-upload': { status: 403, code: 'AuthenticationFailed' },
  'nothing-uploaded': { status: 400, code: 'InvalidInput' },
  'blob-too-large': { status: 413, code: 'RequestBodyTooLarge' },
  'no-room': { status: 413, code: 'InsufficientStorage' },
  incomplete: { status: 400, code: 'InvalidInput' },
  'wrong-checksum': { status: 400, code: 'Md5Mismatch' },
  'already-uploaded': { status: 409, code: 'BlobAlreadyExists' },
}

/** What every answer carries. `clientId` and `version` are the request's `x-ms-client-request-id` and `x-ms-version`. */
export function commonHeaders(facts: {
  readonly requestId: string
  readonly at: Date
  readonly version: string | undefined
  readonly clientId: string | undefined
}): Record<string, string> {
  const { requestId, at, version, clientId } = facts
  return {
    'x-ms-request-id': requestId,
    'x-ms-version': version !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(version) ? version : VERSION,
    date: at.toUTCString(),
    ...(clientId !== undefined && /^[\x21-\x7e]{1,1024}$/.test(clientId) ? { 'x-ms-client-request-id': clientId } : {}),
  }
}

export function blobCreated(headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status: 201, headers: { ...headers, 'x-ms-request-server-encrypted': 'true' } })
}

export function blobRefused(refusal: BlobRefusal, headers: Readonly<Record<string, string>>): Response {
  const { status, code, message } = refusal
  const text = `${message}\nRequestId:${headers['x-ms-request-id'] ?? ''}`
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${escaped(text)}</Message></Error>`
  return new Response(body, {
    status,
    headers: { ...headers, 'content-type': 'application/xml', 'x-ms-error-code': code },
  })
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
