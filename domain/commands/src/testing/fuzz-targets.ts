/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { timestampOf } from '@holdfast/base'
import { COMMAND_BYTES_MAX, isWellFormedBag, parseBag } from '@holdfast/iothub'
import {
  type CommandContent,
  CommandError,
  decodeCommandContent,
  deviceboundAddress,
  encodeCommandContent,
  formatCommandBag,
} from '../index.ts'
import { type CheckedDraft, checkDraft } from '../draft.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const NOW = timestampOf(1_764_000_000_000)
const KEY = { deviceId: 'a%b', moduleId: "m'" }
/** Bytes of a topic (MQTT 3.1.1 §1.5.3), less what stands before the bag: an id of 128 characters, each encoded. */
const BAG_CHARACTERS_MAX = 65_535 - 450

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

function unlessRefused<T>(run: () => T, isRefusal: (error: unknown) => boolean): T | undefined {
  try {
    return run()
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw error
  }
}

/** Message id, content type and user id in the first lines, then properties, `name=value` each; the body is all of it. */
function draftOf(bytes: Uint8Array): CheckedDraft | undefined {
  const [messageId = '', contentType = '', userId = '', ...lines] = Buffer.from(bytes).toString('utf8').split('\n')
  const properties = lines.map((line): readonly [string, string] => {
    const at = line.indexOf('=')
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
  })
  const draft = { key: KEY, messageId, contentType, userId, properties, body: bytes }
  return unlessRefused(
    () => checkDraft(draft, NOW, () => 'made-up'),
    (error) => error instanceof CommandError,
  )
}

function textOf(content: CommandContent): string {
  const { body, ...rest } = content
  return JSON.stringify([rest, [...body]])
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'command-draft',
    seeds: [
      'id 1/2\napplication/json\nuser\na=b\nplain=x+y z%\nslash=a/b#c',
      '\n\n\n__proto__=1\n$.mid=other\niothub-ack=full\n$x=y\na=\na=again',
      'ü\n\n\nunicode=東京 🔩\nb',
    ].map((text) => Buffer.from(text)),
    run(bytes) {
      const draft = draftOf(bytes)
      if (draft === undefined) return
      must(draft.body.length <= COMMAND_BYTES_MAX, 'no message is larger than may be')
      const to = deviceboundAddress(KEY)
      const command = { ...draft, key: KEY, generationId: 'g', to, deliveryCount: 0, sequenceNumber: 1 }
      const bag = formatCommandBag(command)
      must(bag.length <= BAG_CHARACTERS_MAX && isWellFormedBag(bag) && !/[/+#]/.test(bag), 'it stands in a topic')
      const entries = parseBag(bag)
      const system = entries.filter(({ name }) => name.startsWith('$.') || name.toLowerCase() === 'iothub-ack')
      must(system.length === new Set(system.map(({ name }) => name)).size, 'nobody says twice what the system says')
      const said = (name: string): string | null | undefined => entries.find((entry) => entry.name === name)?.value
      must(said('$.mid') === draft.messageId && said('$.to') === to, 'and nobody says it in its place')
      const own = entries.slice(0, draft.properties.length).map(({ name, value }) => [name, value])
      must(JSON.stringify(own) === JSON.stringify(draft.properties), 'properties are what was sent')
      const again = decodeCommandContent(encodeCommandContent(draft))
      must(Buffer.from(again.body).equals(draft.body), 'what was encoded decodes to itself')
      must(JSON.stringify(again.properties) === JSON.stringify(draft.properties), 'with its properties')
    },
  },
  {
    name: 'command-content',
    seeds: [
      encodeCommandContent({ messageId: 'id', properties: [['a', 'b']], body: Uint8Array.of(1, 2) }),
      encodeCommandContent({ properties: [], body: new Uint8Array(0) }),
      Uint8Array.of(1, 255, 255, 255, 255, 0x7b, 0x7d),
    ],
    run(bytes) {
      const content = unlessRefused(
        () => decodeCommandContent(bytes),
        (error) => error instanceof TypeError,
      )
      if (content === undefined) return
      must(textOf(decodeCommandContent(encodeCommandContent(content))) === textOf(content), 'it encodes to itself')
    },
  },
]
