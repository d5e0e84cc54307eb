import { flag, readQuery, text, time, wholeNumber } from '../query.ts'
import { badRequest, type Fault } from '../problem.ts'
import { isDeviceId } from '@holdfast/iothub'
import { messageJson } from './message-json.ts'
import { type MessageRequest, readMessages } from './message-pages.ts'
import { ndjson } from './ndjson.ts'
import type { Call, Route } from './route.ts'

export const MESSAGE_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/v1/messages', rights: ['ServiceConnect'], answer: readThem },
]

async function readThem(call: Call): Promise<Response> {
  const request = messageRequest(call)
  const lease = call.streams.open(call.actor)
  return ndjson(lines(call, request, lease.signal), lease)
}

async function* lines(call: Call, request: MessageRequest, signal: AbortSignal): AsyncGenerator<readonly object[]> {
  for await (const page of readMessages(call.services, request, signal)) yield page.map(messageJson)
}

function messageRequest({ context, services }: Call): MessageRequest {
  const query = readQuery(context, {
    device: text(128),
    partition: wholeNumber(0, services.partitions - 1),
    from: time,
    to: time,
    sequence: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(1, Number.MAX_SAFE_INTEGER),
    follow: flag,
  })
  const faults: Fault[] = []
  const { device, partition, from, to, sequence, follow = false } = query
  if (device !== undefined && !isDeviceId(device)) faults.push({ path: '?device', message: 'is no device id' })
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
  return { ...query, follow }
}
