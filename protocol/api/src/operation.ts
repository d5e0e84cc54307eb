/**
 * An operation of `/api/v1` as data. From it come the hub's route, its authorization, the OpenAPI document and the typed
 * client: there is no other place in which an address, a shape or a right is written down.
 */

import type { Static, TObject, TSchema } from 'typebox'
import type { Action } from './action.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * What the action is done to, which decides whose it is: the installation; the device (or what belongs to it) that the
 * path names as `{id}`; devices that the request finds or names otherwise, which the handler narrows to those that the
 * caller may see; the organisation that the path names as `{organisation}`, or that of the caller (of machines without one,
 * whose the hub is); or the caller and nobody else.
 */
export type Target = 'hub' | 'device' | 'devices' | 'organisation' | 'own-organisation' | 'self'

export type Answer =
  | { readonly kind: 'json'; readonly status?: 200 | 201; readonly schema: TSchema }
  | { readonly kind: 'none' }
  /**
   * `application/x-ndjson`, one of `schema` a line. `isLive`: it may go on with what comes, and is given as
   * `text/event-stream` where the request asks for that.
   */
  | { readonly kind: 'lines'; readonly schema: TSchema; readonly isLive?: true }
  /** `text/event-stream` (WHATWG HTML §9.2), the data of each event one of `schema`. */
  | { readonly kind: 'events'; readonly schema: TSchema }
  | { readonly kind: 'bytes'; readonly contentType: string }

export interface Operation {
  /** Dotted, unique, e.g. `device.create`: the OpenAPI `operationId` and the name in the client. */
  readonly id: string
  readonly method: Method
  /** Parameters in braces, e.g. `/api/v1/devices/{id}`. */
  readonly path: `/api/v1/${string}`
  /** One line, beginning with a verb. */
  readonly summary: string
  readonly action: Action
  readonly on: Target
  /** Unknown parameters are refused. Values arrive as text and are read as the schema says. */
  readonly query?: TObject
  /** JSON; unknown members are refused. */
  readonly body?: TSchema
  /** Headers of the request beside the usual ones, in lower case. */
  readonly headers?: TObject
  /** The body is a file of this type, and is read as a stream. */
  readonly upload?: string
  readonly answer: Answer
  /** What it is about has a version: the answer bears it as `ETag`, and the request may ask for it (RFC 9110 §13.1). */
  readonly isVersioned?: true
  /** Served on the socket in the data folder alone, since what it carries shall be on no wire. */
  readonly isLocalOnly?: true
  /** Its answer holds a secret, and is kept nowhere. */
  readonly disclosesSecret?: true
}

type Names<P extends string> = P extends `${string}{${infer N}}${infer R}` ? N | Names<R> : never

/** Values of the parameters in a path. */
export type PathOf<O extends Operation> = { readonly [K in Names<O['path']>]: string }

export type QueryOf<O extends Operation> = O extends { readonly query: infer Q extends TObject }
  ? Static<Q>
  : Record<never, never>

export type BodyOf<O extends Operation> = O extends { readonly body: infer B extends TSchema } ? Static<B> : undefined

/** What one answer holds: the value, or one item of a stream. */
export type AnswerOf<O extends Operation> = O['answer'] extends { readonly schema: infer S extends TSchema }
  ? Static<S>
  : undefined

/** Keeps the literal types of a definition, so that paths, bodies and answers are known to the compiler. */
export function operation<const O extends Operation>(definition: O): O {
  return definition
}
