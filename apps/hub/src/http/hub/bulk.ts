/** Many identities in one request (azure-iot.md §8): each is done or not by itself, and the answer says which are not. */

import Type from 'typebox'
import { assertNever } from '@holdfast/base'
import { type Cut, checkIdentityKey, type Found, type IdentityKey, identityText } from '@holdfast/identity'
import { ERROR_CODE_HEADER, REGISTRY_BULK_MAX, type RestErrorCode, type ServiceTwinChange } from '@holdfast/iothub'
import { actorName, mayAll } from '../../people/actor.ts'
import { json } from './answer.ts'
import { twinChangeOf } from './bulk-twin.ts'
import { HubError } from './errors.ts'
import { cutOff } from './identity-calls.ts'
import { BulkItem, type BulkWords, changeOf } from './identity-words.ts'
import { refusalOf } from './refusals.ts'
import { checked, parseIfMatch, readJsonValue } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

export const BULK_ROUTES: readonly HubRoute[] = [
  { method: 'POST', path: '/devices', rights: ['RegistryWrite'], answer: bulk },
]

const FAILURE: RestErrorCode = 'BulkRegistryOperationFailure'

/** SDKs write them in different cases. */
const MODES = {
  create: { does: 'create', isMatched: false },
  update: { does: 'update', isMatched: false },
  updateifmatchetag: { does: 'update', isMatched: true },
  createorupdate: { does: 'createOrUpdate', isMatched: false },
  createorupdateifmatchetag: { does: 'createOrUpdate', isMatched: true },
  delete: { does: 'delete', isMatched: false },
  deleteifmatchetag: { does: 'delete', isMatched: true },
  updatetwin: { does: 'updateTwin', isMatched: false },
  updatetwinifmatchetag: { does: 'updateTwin', isMatched: true },
} as const

interface Step {
  readonly key: IdentityKey
  readonly mode: (typeof MODES)[keyof typeof MODES]
  readonly words: BulkWords
  readonly twin: ServiceTwinChange | undefined
}

interface Failure {
  readonly deviceId: string
  readonly moduleId?: string
  readonly errorCode: RestErrorCode
  readonly errorStatus: string
}

/**
 * What is wrong with the request itself is found before anything is done. The writes go out together, so that the store
 * puts them on disk in one transaction or two; sessions are cut off once, for all.
 */
async function bulk(call: HubCall): Promise<Response> {
  const value = await readJsonValue(call)
  if (!Array.isArray(value) || value.length < 1) {
    throw new HubError('ArgumentInvalid', `The body is a list of 1 to ${REGISTRY_BULK_MAX} devices.`)
  }
  if (value.length > REGISTRY_BULK_MAX) {
    throw new HubError('TooManyDevices', `One request takes ${REGISTRY_BULK_MAX} devices.`)
  }
  const items = checked(value, Type.Array(BulkItem))
  const faults: Failure[] = []
  const steps = items.flatMap((words): readonly Step[] => {
    try {
      return [stepOf(words)]
    } catch (error) {
      faults.push(failureOf(error, { deviceId: words.id.slice(0, 128) }))
      return []
    }
  })
  faults.push(...repeated(steps))
  if (faults.length > 0) return result(faults)

  const cuts: Cut[] = []
  const failures: Failure[] = []
  const run = async (step: Step): Promise<void> => {
    try {
      cuts.push(...(await apply(call, step)))
    } catch (error) {
      failures.push(failureOf(error, step.key))
    }
  }
  try {
    // A module comes after its device and goes before it.
    const isFirst = ({ key, mode }: Step): boolean => (key.moduleId === undefined) !== (mode.does === 'delete')
    await Promise.all(steps.filter((step) => isFirst(step)).map(run))
    await Promise.all(steps.filter((step) => !isFirst(step)).map(run))
  } finally {
    await cutOff(call, cuts)
  }
  const [first] = failures
  if (first?.errorCode === 'ServiceUnavailable' && failures.length === steps.length) {
    // Nothing was done, and trying again is right: that is another answer than "this is wrong".
    throw new HubError('ServiceUnavailable', first.errorStatus, { headers: { 'retry-after': '10' } })
  }
  return result(failures)
}

async function apply(call: HubCall, step: Step): Promise<readonly Cut[]> {
  const { key, mode, words, twin } = step
  const { registry } = call.services
  const actor = actorName(call.actor)
  switch (mode.does) {
    case 'delete':
      return (await registry.delete(key, actor, foundOf(step))).cuts
    case 'updateTwin':
      await writeTwin(call, step)
      return []
    case 'create':
      await create(call, step)
      return []
    case 'createOrUpdate':
      if ((await registry.read(key)) === undefined) {
        await create(call, step)
        return []
      }
      break
    case 'update':
      break
    default:
      assertNever(mode)
  }
  if (twin !== undefined) mayWriteTwins(call)
  const current = await registry.read(key)
  const change = changeOf(words, key.moduleId !== undefined, current)
  const { cuts } = await registry.update(key, change, actor, foundOf(step))
  if (twin !== undefined) await call.services.twins.write(key, twin, actor)
  return cuts
}

/** The twin of a new identity is part of its making; whoever may make it says what it begins with. */
async function create(call: HubCall, { key, words, twin }: Step): Promise<void> {
  const { registry, twins } = call.services
  const actor = actorName(call.actor)
  await registry.create({ ...key, ...changeOf(words, key.moduleId !== undefined) }, actor)
  if (twin !== undefined) await twins.write(key, twin, actor)
}

async function writeTwin(call: HubCall, step: Step): Promise<void> {
  mayWriteTwins(call)
  const found = foundOf(step)
  const etag = found.kind === 'etag' ? found.etag : undefined
  await call.services.twins.write(step.key, step.twin ?? {}, actorName(call.actor), etag)
}

/** As the addresses of twins ask for it. */
function mayWriteTwins({ actor }: HubCall): void {
  if (!mayAll(actor, ['ServiceConnect'])) {
    throw new HubError('IotHubUnauthorizedAccess', 'This policy may not write the twins of devices that exist.')
  }
}

/** @throws HubError `ArgumentNull`, `ArgumentInvalid`. */
function foundOf({ mode, words }: Step): Found {
  if (!mode.isMatched) return { kind: 'present' }
  const etag = (mode.does === 'updateTwin' ? words.twinETag : undefined) ?? words.eTag ?? words.etag
  if (typeof etag !== 'string') throw new HubError('ArgumentNull', 'This mode needs the eTag.')
  return parseIfMatch(etag)
}

/** @throws HubError, IdentityError, TwinError, HubFormatError. */
function stepOf(words: BulkWords): Step {
  const { id, moduleId } = words
  const isModule = typeof moduleId === 'string'
  const key = checkIdentityKey({ deviceId: id, ...(isModule && { moduleId }) })
  const name = (words.importMode ?? 'createOrUpdate').toLowerCase()
  if (!Object.hasOwn(MODES, name)) throw new HubError('ArgumentInvalid', 'This importMode is not known.')
  // Read for its faults; what is asked of an identity that exists is read again beside it.
  changeOf(words, isModule)
  const mode = MODES[name as keyof typeof MODES]
  const step = { key, mode, words, twin: twinChangeOf(words, mode.does === 'updateTwin' ? 'patch' : 'whole') }
  foundOf(step)
  return step
}

function repeated(steps: readonly Step[]): readonly Failure[] {
  const seen = new Set<string>()
  return steps.flatMap(({ key }) => {
    const text = identityText(key)
    if (!seen.has(text)) {
      seen.add(text)
      return []
    }
    return [{ ...key, errorCode: 'DeviceDefinedMultipleTimes', errorStatus: 'The device stands twice in the request.' }]
  })
}

/** @throws what is nobody's fault but ours. */
function failureOf(error: unknown, key: IdentityKey): Failure {
  const refused = refusalOf(error, key.moduleId !== undefined)
  if (refused === undefined) throw error
  return { ...key, errorCode: refused.code, errorStatus: refused.message }
}

function result(errors: readonly Failure[]): Response {
  const isSuccessful = errors.length === 0
  // .NET's SDK reads the result only where the header says that it is one.
  const headers = isSuccessful ? {} : { [ERROR_CODE_HEADER]: FAILURE }
  return json({ isSuccessful, errors, warnings: [] }, isSuccessful ? 200 : 400, headers)
}
