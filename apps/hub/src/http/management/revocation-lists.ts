/** Revocation lists of customers' authorities. */

import { RevocationApi as Api } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { IdentityError, type KnownRevocationList } from '@holdfast/identity'
import { decodeCertificateInput, decodeRevocationListInput, PkiError } from '@holdfast/pki'
import { actorName } from '../../people/actor.ts'
import { onePage } from './page.ts'
import { type Call, type Route, serve } from './route.ts'

const { revocationListOperations: lists } = Api

export const REVOCATION_LIST_ROUTES: readonly Route[] = [
  serve(lists.list, async (call) =>
    onePage(
      call.query,
      call.services.revocations.list(nameOf(call)),
      ({ issuerKey }) => issuerKey,
      (one) => listJson(call, one),
    ),
  ),
  serve(lists.put, async (call) => {
    const { list: text, issuer, url, whenStale } = call.body
    const draft = {
      ...(text === undefined ? {} : { list: listOf(text) }),
      ...(issuer === undefined ? {} : { issuer: issuerOf(issuer) }),
      ...(url === undefined ? {} : { url }),
      ...(whenStale === undefined ? {} : { whenStale }),
    }
    const taken = await call.services.revocations.put(call.path.name, draft, actorName(call.actor))
    return { list: listJson(call, taken.list), ...taken.closed }
  }),
  serve(lists.fetch, async (call) => {
    const name = nameOf(call)
    const closed = await call.services.revocations.fetchAll(name)
    return { lists: call.services.revocations.list(name).map((one) => listJson(call, one)), ...closed }
  }),
  serve(lists.delete, async (call) => {
    const [name, issuerKey] = [nameOf(call), call.path.issuerKey.toUpperCase()]
    const found = call.services.revocations.list(name).find((one) => one.issuerKey === issuerKey)
    if (found === undefined) throw new IdentityError('missing', 'there is no list of this issuer; list them first')
    await call.services.revocations.remove(name, issuerKey, actorName(call.actor))
    return listJson(call, found)
  }),
]

/** @throws IdentityError `missing`. */
function nameOf({ services, path: { name } }: Call & { readonly path: { readonly name: string } }): string {
  if (services.authorities.read(name) !== undefined) return name
  throw new IdentityError('missing', 'there is no authority of this name; list the authorities for those that exist')
}

function listOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  try {
    if (bytes.toString('base64') === text.replace(/[\r\n]/g, ''))
      return decodeRevocationListInput(new Uint8Array(bytes))
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
  }
  throw new IdentityError('bad-revocation-list', 'send base64 of a file with one revocation list, DER or PEM')
}

function issuerOf(text: string): Uint8Array {
  try {
    return decodeCertificateInput(text)
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    throw new IdentityError('bad-certificate', 'send the issuer as one certificate in PEM', { cause: error })
  }
}

function listJson({ services }: Call, one: KnownRevocationList): Api.RevocationList {
  const { parsed, takenTime, url } = one
  const fault = services.revocations.faultOf(one)
  const nextUpdate = parsed?.nextUpdate
  return {
    authority: one.authority,
    issuer: one.issuerCertificate.subjectName,
    issuerKey: one.issuerKey,
    state: parsed === undefined ? 'missing' : parsed.freshnessAt(services.clock.wall()) === 'stale' ? 'stale' : 'fresh',
    whenStale: one.whenStale,
    ...(parsed === undefined ? {} : { entries: parsed.size, thisUpdate: formatTimestamp(parsed.thisUpdate) }),
    ...(parsed?.number === undefined ? {} : { number: parsed.number }),
    ...(nextUpdate === undefined ? {} : { nextUpdate: formatTimestamp(nextUpdate) }),
    ...(takenTime === undefined ? {} : { takenTime: formatTimestamp(takenTime) }),
    ...(url === undefined ? {} : { url }),
    ...(fault === undefined ? {} : { fault }),
  }
}
