/** Stored telemetry, as lines. */

import { OPERATIONS } from '@holdfast/api'
import { isDeviceId } from '@holdfast/iothub'
import { within } from '../../people/reach.ts'
import { timeOf } from '../query.ts'
import { badRequest, type Fault } from '../../core/problem.ts'
import { messageJson } from './message-json.ts'
import { type MessageRequest, readMessages } from './message-pages.ts'
import { type Live, live } from './live.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { message } = OPERATIONS

export const MESSAGE_ROUTES: readonly Route[] = [
  serve(message.read, async (call) => {
    const request = messageRequest(call)
    const lease = call.streams.open(call.actor)
    return live(call.context, lines(call, request, lease.signal), lease)
  }),
]

async function* lines(call: Call, request: MessageRequest, signal: AbortSignal): AsyncGenerator<readonly Live[]> {
  const { reach } = call
  const isNarrowed = reach.within !== undefined
  // Counted is what is shown, so the limit is kept here where not all is.
  const { limit, ...rest } = request
  let left = limit ?? Number.POSITIVE_INFINITY
  for await (const page of readMessages(call.services, isNarrowed ? rest : request, signal)) {
    // Asked for with each page: a stream may outlive what was given to whoever reads it.
    const shown = (await within(reach, page, (one) => one)).slice(0, left)
    yield shown.map((one) => ({ data: messageJson(one) }))
    left -= shown.length
    if (left <= 0) return
  }
}

function messageRequest({ services, query }: Asked<typeof message.read>): MessageRequest {
  const faults: Fault[] = []
  const { device, partition, sequence, follow = false, from: fromText, to: toText, ...rest } = query
  const [from, to] = [fromText, toText].map((text) => (text === undefined ? undefined : timeOf(text)))
  if (device !== undefined && !isDeviceId(device)) faults.push({ path: '?device', message: 'is no device id' })
  if (partition !== undefined && partition >= services.partitions) {
    faults.push({ path: '?partition', message: `is a whole number from 0 to ${services.partitions - 1}` })
  }
  if (device !== undefined && partition !== undefined) {
    faults.push({ path: '?partition', message: 'does not go with device, which has one partition' })
  }
  if (sequence !== undefined && partition === undefined) {
    faults.push({ path: '?sequence', message: 'needs a partition, whose messages it counts' })
  }
  if (sequence !== undefined && from !== undefined) {
    faults.push({ path: '?sequence', message: 'does not go with from: both say where to begin' })
  }
  if (from !== undefined && to !== undefined && from >= to) {
    faults.push({ path: '?to', message: 'is not after from' })
  }
  if (to !== undefined && follow) faults.push({ path: '?to', message: 'does not go with follow, which has no end' })
  if (faults.length > 0) throw badRequest(faults)
  return {
    ...rest,
    follow,
    ...(device === undefined ? {} : { device }),
    ...(partition === undefined ? {} : { partition }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}
