/** What is written down of a type of events. A definition that was released is changed by raising its version only. */

/** The kind of one fact; with a question mark it may be absent. */
export type FactKind = 'text' | 'number' | 'flag' | 'text?' | 'number?' | 'flag?'

export type DetailSchema = Readonly<Record<string, FactKind>>

export interface EventDefinition {
  /** Of the schema; stands in every leaf. */
  readonly version: number
  /** Facts by name, in `detail`: no others, and none of another kind. */
  readonly detail: DetailSchema
  /**
   * Under whose secret the body is sealed: its subject's, which can be destroyed with the subject, or the hub's, for what
   * strangers can cause: they name subjects at will, and nobody keeps a secret for each name that they make up.
   */
  readonly seal: 'subject' | 'hub'
}

/** Sealed under the secret of its subject. */
export function ofSubject<const D extends DetailSchema>(
  detail: D,
  version = 1,
): EventDefinition & { readonly detail: D } {
  return { version, detail, seal: 'subject' }
}

/** Sealed under the hub's secret: of the hub itself, or such as strangers can cause. */
export function ofHub<const D extends DetailSchema>(detail: D, version = 1): EventDefinition & { readonly detail: D } {
  return { version, detail, seal: 'hub' }
}
