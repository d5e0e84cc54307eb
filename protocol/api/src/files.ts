/** Files that devices have uploaded. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

/** What a device has uploaded; `completed` when it has said so, and back ends were told. */
export const File = shape('File', {
  id: Type.String(),
  deviceId: Type.String(),
  /** With the device's prefix. */
  blobName: Type.String(),
  state: Type.Enum(['uploaded', 'completed']),
  bytes: Type.Integer(),
  uploadedTime: instant,
  /** As the device said. */
  contentType: Type.Optional(Type.String()),
})
export type File = Type.Static<typeof File>

export const fileOperations = {
  list: operation({
    id: 'file.list',
    method: 'GET',
    path: '/api/v1/files',
    summary: 'Lists files that devices have uploaded',
    action: 'file:read',
    on: 'devices',
    query: closed({ device: Type.Optional(Type.String({ maxLength: 128 })), ...paging }),
    answer: { kind: 'json', schema: page('File', File) },
  }),
  content: operation({
    id: 'file.content',
    method: 'GET',
    path: '/api/v1/files/{file}/content',
    summary: 'Downloads a file',
    action: 'file:read',
    on: 'devices',
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  }),
  delete: operation({
    id: 'file.delete',
    method: 'DELETE',
    path: '/api/v1/files/{file}',
    summary: 'Deletes a file; its key is destroyed',
    action: 'file:delete',
    on: 'devices',
    answer: { kind: 'none' },
  }),
}
