/** Models of devices. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { anyObject, closed, instant, page, paging, shape } from './shape.ts'

/** What the document of a model holds is read by the domain, which names every fault. */
export const ModelDocument = Type.Record(Type.String(), Type.Unknown(), { title: 'ModelDocument' })
export type ModelDocument = Type.Static<typeof ModelDocument>

export const Model = shape('Model', {
  id: Type.String(),
  manufacturer: Type.String(),
  description: Type.Optional(Type.String()),
  tier: Type.Enum(['full', 'secure-element', 'constrained', 'legacy']),
  hardwareRevisions: Type.Array(Type.String()),
  announces: Type.Optional(Type.Array(Type.String())),
  /** As its document says it; `effective` is what holds. */
  requirements: Type.Record(Type.String(), Type.Union([Type.Boolean(), Type.Array(Type.String())])),
  connection: Type.Optional(anyObject),
  attestation: Type.Optional(anyObject),
  effective: closed({
    credentials: Type.Array(Type.String()),
    /** What is asked at each step of a device's life. */
    steps: Type.Record(Type.String(), Type.Array(Type.String())),
  }),
  etag: Type.String(),
  createdTime: instant,
  updatedTime: instant,
})
export type Model = Type.Static<typeof Model>

export const modelOperations = {
  list: operation({
    id: 'model.list',
    method: 'GET',
    path: '/api/v1/models',
    summary: 'Lists models',
    action: 'model:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Model', Model) },
  }),
  create: operation({
    id: 'model.create',
    method: 'POST',
    path: '/api/v1/models',
    summary: 'Creates a model',
    action: 'model:write',
    on: 'hub',
    body: ModelDocument,
    isVersioned: true,
    answer: { kind: 'json', status: 201, schema: Model },
  }),
  show: operation({
    id: 'model.show',
    method: 'GET',
    path: '/api/v1/models/{model}',
    summary: 'Shows a model',
    action: 'model:read',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'json', schema: Model },
  }),
  replace: operation({
    id: 'model.replace',
    method: 'PUT',
    path: '/api/v1/models/{model}',
    summary: 'Replaces a model',
    action: 'model:write',
    on: 'hub',
    body: ModelDocument,
    isVersioned: true,
    answer: { kind: 'json', schema: Model },
  }),
  delete: operation({
    id: 'model.delete',
    method: 'DELETE',
    path: '/api/v1/models/{model}',
    summary: 'Deletes a model',
    action: 'model:write',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'none' },
  }),
}
