/** What devices and services ask to be changed of a twin (azure-iot.md §3.4, §8), read and bounded. */

import { HubFormatError } from '../errors.ts'
import { checkSection } from './section-rules.ts'
import { parseTwinJson } from './twin-json.ts'
import { isTwinObject, propertyOf, type TwinObject, type TwinValue } from './twin-value.ts'

/** What a section is to become. The texts are JSON of an object whose keys and values are those of a twin. */
export type SectionChange =
  /** RFC 7386, with nulls for what is taken away. */
  | { readonly kind: 'merge'; readonly patch: string }
  /** Nulls in it are nothing. */
  | { readonly kind: 'replace'; readonly properties: string }

/** What a service writes; sections that are absent stay as they are. */
export interface ServiceTwinChange {
  readonly tags?: SectionChange
  readonly desired?: SectionChange
}

/**
 * Reads the body of a reported patch.
 * @returns its JSON text, for a `merge`.
 * @throws HubFormatError `bad-json`, `bad-twin`.
 */
export function readReportedPatch(bytes: Uint8Array): string {
  return JSON.stringify(checkSection(parseTwinJson(bytes), 'the patch'))
}

/**
 * Reads the body of `PATCH /twins/{d}`: `{tags?, properties?: {desired?}}`; null empties a section. All else that a
 * twin's document holds may come along and is not looked at, `reported` neither: services send documents back.
 * @throws HubFormatError `bad-json`, `bad-twin`.
 */
export function readTwinPatch(bytes: Uint8Array): ServiceTwinChange {
  return readChange(parseTwinJson(bytes), (section, name) =>
    section === null
      ? { kind: 'replace', properties: '{}' }
      : { kind: 'merge', patch: JSON.stringify(checkSection(section, name)) },
  )
}

/**
 * Reads the body of `PUT /twins/{d}`: as for a patch, but whole sections, empty where they are absent.
 * @throws HubFormatError `bad-json`, `bad-twin`.
 */
export function readTwinReplacement(bytes: Uint8Array): Required<ServiceTwinChange> {
  const empty: SectionChange = { kind: 'replace', properties: '{}' }
  return {
    tags: empty,
    desired: empty,
    ...readChange(parseTwinJson(bytes), (section, name) => ({
      kind: 'replace',
      properties: section === null ? '{}' : JSON.stringify(checkSection(section, name)),
    })),
  }
}

function readChange(body: TwinValue, changeOf: (section: TwinValue, name: string) => SectionChange): ServiceTwinChange {
  if (!isTwinObject(body)) throw new HubFormatError('bad-twin', 'the body has to be an object')
  const tags = propertyOf(body, 'tags')
  const desired = propertyOf(propertiesOf(body), 'desired')
  return {
    ...(tags === undefined ? {} : { tags: changeOf(tags, 'tags') }),
    ...(desired === undefined ? {} : { desired: changeOf(desired, 'desired') }),
  }
}

function propertiesOf(body: TwinObject): TwinObject {
  const properties = propertyOf(body, 'properties') ?? {}
  if (!isTwinObject(properties)) throw new HubFormatError('bad-twin', 'properties has to be an object')
  return properties
}
