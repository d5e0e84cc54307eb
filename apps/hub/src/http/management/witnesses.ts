/** Witnesses of the audit log (`protocol/api/src/witness.ts`). */

import { WitnessApi } from '@holdfast/api'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import type { AddOutcome, Witnesses, WitnessShown } from '../../audit/witnesses.ts'
import { Problem, type ProblemFacts } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { PAGE_ITEMS } from './page.ts'
import { type Call, type Route, serve } from './route.ts'

const { witnessOperations } = WitnessApi

export const WITNESS_ROUTES: readonly Route[] = [
  serve(witnessOperations.list, async (call) => {
    const { after, limit = PAGE_ITEMS } = call.query
    const rest = witnessesOf(call)
      .list()
      .filter(({ record }) => after === undefined || record.name > after)
      .toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1))
    const page = rest.slice(0, limit)
    const last = page.at(-1)
    const isLast = last === undefined || page.length === rest.length
    return { items: page.map(witnessJson), ...(isLast ? {} : { next: last.record.name }) }
  }),
  serve(witnessOperations.add, async (call) => {
    const { ca, allowPrivate = false, ...draft } = call.body
    const asked = { ...draft, allowPrivate, ...(ca === undefined ? {} : { ca }) }
    const outcome = await witnessesOf(call).add(asked, actorName(call.actor))
    if (outcome.kind === 'added') return witnessJson(outcome.witness)
    const fault = outcome.kind === 'bad-url' ? outcome.fault : ''
    const { detail, ...facts } = REFUSALS[outcome.kind]
    throw new Problem({ ...facts, detail: detail.replace('…', fault) })
  }),
  serve(witnessOperations.remove, async (call) => {
    if (await witnessesOf(call).remove(call.path.name, actorName(call.actor))) return undefined
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'there is no witness of this name',
      detail: 'list the witnesses for those that there are',
    })
  }),
]

function witnessesOf({ services }: Call): Pick<Witnesses, 'list' | 'add' | 'remove'> {
  if (services.witnesses !== undefined) return services.witnesses
  throw new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'this hub keeps no audit log that could be witnessed',
    detail: 'witnesses are of hubs whose log is on disk',
  })
}

function witnessJson({ record, state, reason, cosigned, behind }: WitnessShown): WitnessApi.Witness {
  const { name, url, key, ca, allowPrivate, addedAt } = record
  return {
    name,
    url,
    key,
    hasCa: ca !== undefined,
    allowPrivate,
    addedTime: formatTimestamp(timestampOf(addedAt)),
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(cosigned === undefined ? {} : { cosignedSize: cosigned.size, cosignedTime: formatTimestamp(cosigned.at) }),
    behind,
  }
}

const REFUSALS: Readonly<Record<Exclude<AddOutcome['kind'], 'added'>, ProblemFacts & { readonly detail: string }>> = {
  exists: {
    status: 409,
    code: 'exists',
    title: 'there is a witness of this name',
    detail: 'remove it first, or give the new one another name',
  },
  'too-many': {
    status: 409,
    code: 'too-many',
    title: 'there are as many witnesses as there may be',
    detail: 'remove one first; there are eight at most',
  },
  'bad-key': {
    status: 400,
    code: 'invalid',
    title: 'the key is not one that a witness cosigns with',
    detail: 'a witness prints its key when it starts, as name+id+base64',
  },
  'bad-ca': {
    status: 400,
    code: 'invalid',
    title: 'the root is no certificate',
    detail: 'give it as PEM; a witness keeps its own in ca.pem',
  },
  'bad-url': {
    status: 400,
    code: 'invalid',
    title: 'the address is not one of a witness',
    detail: 'it …',
  },
}
