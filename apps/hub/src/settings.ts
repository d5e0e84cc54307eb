/**
 * What an operator can set, read once. Command line options stand above the configuration file (`config.json` in the
 * data folder, or `--config FILE`), which stands above the defaults. Every fault is reported, with its path.
 */

import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, hostname as machineName } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { KeyConfiguration, keyFaults, type KeySettings, wishOf } from './keys/key-settings.ts'
import type { UploadLimits } from '@holdfast/uploads'
import { DEFAULT_SCALE, faultOfScale, FINDING_KINDS, type Scale } from '@holdfast/masquerade'
import Type from 'typebox'
import { DEFAULT_LIMITS, type Limits, type OperationLimits, OPERATIONS } from '@holdfast/throttling'
import { Settings as Diagnostics } from 'typebox/system'
import Value from 'typebox/value'

const port = Type.Integer({ minimum: 0, maximum: 65_535 })

const rate = Type.Object(
  { perSecond: Type.Number({ minimum: 0.01, maximum: 1_000_000 }), burst: Type.Integer({ minimum: 1, maximum: 1e9 }) },
  { additionalProperties: false },
)
const operationLimits = Type.Object(
  { hub: Type.Optional(rate), principal: Type.Optional(rate) },
  { additionalProperties: false },
)

const points = Type.Number({ minimum: 0, maximum: 10_000 })

const masqueradeScale = Type.Object(
  {
    suspectedPoints: Type.Optional(points),
    provenPoints: Type.Optional(points),
    unprovenMost: Type.Optional(points),
    weights: Type.Optional(
      Type.Object(
        Object.fromEntries(
          FINDING_KINDS.map((kind) => [
            kind,
            Type.Optional(
              Type.Object(
                {
                  points: Type.Optional(points),
                  most: Type.Optional(points),
                  halfLifeMinutes: Type.Optional(Type.Number({ minimum: 0.1, maximum: 5_256_000 })),
                },
                { additionalProperties: false },
              ),
            ),
          ]),
        ),
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false, description: 'what findings of copies weigh, where it differs from the defaults' },
)

/** The configuration file. All keys need a restart. */
export const ConfigurationFile = Type.Object(
  {
    listen: Type.Optional(Type.String({ minLength: 1, description: 'address to listen on' })),
    hostnames: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9.:-]{1,253}$' }), {
        minItems: 1,
        maxItems: 32,
        description: "names in the server's certificate; the first is the hub's",
      }),
    ),
    mqttPort: Type.Optional(port),
    amqpPort: Type.Optional(port),
    httpsPort: Type.Optional(port),
    logFormat: Type.Optional(Type.Enum(['text', 'json'])),
    logLevel: Type.Optional(Type.Enum(['debug', 'info', 'warn', 'error'])),
    fronts: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: 'front threads; one a processor' })),
    partitions: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 32, description: 'partitions of telemetry; fixed at the first start' }),
    ),
    retentionDays: Type.Optional(Type.Number({ minimum: 0.01, maximum: 3_650 })),
    retentionBytes: Type.Optional(Type.Integer({ minimum: 16_777_216 })),
    regroupMinutes: Type.Optional(
      Type.Number({
        minimum: 0.005,
        maximum: 1_440,
        description: 'telemetry is sorted by device when it is this old at the latest; sooner when there is much of it',
      }),
    ),
    keys: Type.Optional(KeyConfiguration),
    telemetryKeyHours: Type.Optional(Type.Number({ minimum: 0.01, maximum: 8_760 })),
    throttling: Type.Optional(
      Type.Object(Object.fromEntries(OPERATIONS.map((operation) => [operation, Type.Optional(operationLimits)])), {
        additionalProperties: false,
        description: 'limits that differ from the defaults, by operation: of the hub, and of one device or policy',
      }),
    ),
    uploadBlobBytes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_099_511_627_776, description: 'bytes of one uploaded file' }),
    ),
    uploadDeviceBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'bytes of the files of one device' })),
    uploadTotalBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'bytes of all uploaded files' })),
    uploadRetentionDays: Type.Optional(
      Type.Number({ minimum: 0.01, maximum: 36_500, description: 'how long files are kept; for ever unless told' }),
    ),
    manifestClaimDays: Type.Optional(
      Type.Number({
        minimum: 0.0001,
        maximum: 3_650,
        description: 'how long devices of a manifest wait to be claimed',
      }),
    ),
    masquerade: Type.Optional(masqueradeScale),
    requireEndorsementCertificate: Type.Optional(
      Type.Boolean({
        description:
          'provision a TPM only with a certificate of a trusted manufacturer, unless its enrolment says otherwise',
      }),
    ),
    sessionIdleMinutes: Type.Optional(
      Type.Number({
        minimum: 0.05,
        maximum: 1_440,
        description: 'how long an operator may be idle before signing in anew',
      }),
    ),
    sessionHours: Type.Optional(
      Type.Number({ minimum: 0.01, maximum: 24, description: 'how long an operator stays signed in at most' }),
    ),
    policyKeyDays: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 3_650,
        description: 'after how many days keys of policies have to be rotated',
      }),
    ),
    refuseOverduePolicyKeys: Type.Optional(
      Type.Boolean({ description: 'refuse tokens that are signed by a key of a policy older than that' }),
    ),
    metricsOnHttps: Type.Optional(Type.Boolean({ description: 'serve /metrics on the HTTPS port too' })),
  },
  { additionalProperties: false },
)

type ConfigurationFile = Type.Static<typeof ConfigurationFile>

export interface Settings {
  readonly data: string
  readonly demo: boolean
  readonly listen: string
  readonly hostnames: readonly [string, ...string[]]
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
  /** Whether the HTTPS port was asked for by name; if not, 8443 stands in where 443 cannot be bound. */
  readonly httpsPortIsChosen: boolean
  readonly logFormat: 'text' | 'json'
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly fronts: number
  readonly partitions: number
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly regroupAgeMs: number
  readonly telemetryKeyMs: number
  readonly keys: KeySettings
  /** Folder in which systemd keeps this service's credentials. */
  readonly credentials: string | undefined
  /** Holds the passphrase that seals the root of the hub's authority when it is made; undefined: sealed to the machine. */
  readonly rootPassphraseFile: string | undefined
  readonly limits: Limits
  /** How long an entry of a manifest waits to be claimed, in milliseconds. */
  readonly claimLifeMs: number
  readonly masqueradeScale: Scale
  readonly requireEndorsementCertificate: boolean
  /** How long sessions of operators last without a request, and in all, in milliseconds. */
  readonly sessions: { readonly idleMs: number; readonly lifeMs: number }
  /** How old keys of policies may become, in milliseconds, and whether older ones are refused. */
  readonly policyKeyAge: { readonly maxMs: number; readonly refuses: boolean }
  readonly metricsOnHttps: boolean
  readonly uploads: UploadLimits
}

export class SettingsError extends Error {
  /** One line a fault: its path, and what is wrong. */
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'SettingsError'
    this.faults = faults
  }
}

/** In the working folder. */
export const DATA_DEFAULT = 'holdfast-data'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

export const USAGE = `Usage: holdfast up [options]

Starts the hub. Prints one line, "ready {…}", when every listener accepts connections.

  --data DIR             data folder (default ./holdfast-data)
  --config FILE          configuration file (default config.json in the data folder, if there)
  --listen ADDRESS       address to listen on (default 0.0.0.0)
  --hostname NAME        name of the hub, repeatable; the first is its own (default localhost and the machine's name)
  --mqtt-port PORT       (default 8883)
  --amqp-port PORT       (default 5671)
  --https-port PORT      (default 443, or 8443 where 443 cannot be bound)
  --passphrase-file FILE file with the passphrase of the hub's keys, where they have one
  --root-passphrase-file FILE
                         file with the passphrase that seals the root of the hub's authority, at the first start
                         (HOLDFAST_ROOT_PASSPHRASE_FILE names it, too)
  --demo                 run a demonstration fleet
  --log-format FORMAT    text or json (default text)
  --log-level LEVEL      debug, info, warn or error (default info)
  --help

Example: holdfast up --data /var/lib/holdfast --hostname hub.plant.example
`

/**
 * @throws SettingsError naming every fault. A `--help` is the caller's to look for first.
 */
export function readSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Settings {
  const faults: string[] = []
  const options = readOptions(args, faults)
  const data = resolve(options.data ?? DATA_DEFAULT)
  const file = readFile(options.config, join(data, 'config.json'), faults)
  const chosen: ConfigurationFile = { ...file, ...options.chosen }
  faults.push(...faultsOf('command line', options.chosen))
  if (chosen.keys !== undefined) faults.push(...keyFaults(chosen.keys))
  const listed = [chosen.mqttPort ?? 8883, chosen.amqpPort ?? 5671, chosen.httpsPort ?? 443].filter(
    (port) => port !== 0,
  )
  if (new Set(listed).size !== listed.length)
    faults.push('mqttPort, amqpPort, httpsPort: each listener needs a port of its own')
  const masquerade = scaleOf(chosen.masquerade)
  const fault = faultOfScale(masquerade)
  if (fault !== undefined) faults.push(`masquerade: ${fault}`)
  if (faults.length > 0) throw new SettingsError(faults)
  const [first = 'localhost', ...others] = chosen.hostnames ?? [...new Set(['localhost', machineName()])]
  return Object.freeze({
    data,
    demo: options.demo,
    listen: chosen.listen ?? '0.0.0.0',
    hostnames: [first, ...others] as const,
    mqttPort: chosen.mqttPort ?? 8883,
    amqpPort: chosen.amqpPort ?? 5671,
    httpsPort: chosen.httpsPort ?? 443,
    httpsPortIsChosen: chosen.httpsPort !== undefined,
    logFormat: chosen.logFormat ?? 'text',
    logLevel: chosen.logLevel ?? 'info',
    fronts: chosen.fronts ?? availableParallelism(),
    partitions: chosen.partitions ?? 4,
    retentionMs: (chosen.retentionDays ?? 7) * 24 * HOUR_MS,
    retentionBytes: chosen.retentionBytes ?? 64 * 1024 ** 3,
    regroupAgeMs: Math.round((chosen.regroupMinutes ?? 10) * MINUTE_MS),
    telemetryKeyMs: (chosen.telemetryKeyHours ?? 24) * HOUR_MS,
    keys: { wish: chosen.keys && wishOf(chosen.keys), passphraseFile: options.passphraseFile },
    credentials: environment.CREDENTIALS_DIRECTORY,
    rootPassphraseFile: options.rootPassphraseFile ?? namedBy(environment.HOLDFAST_ROOT_PASSPHRASE_FILE),
    limits: limitsOf(chosen.throttling),
    claimLifeMs: Math.round((chosen.manifestClaimDays ?? 180) * 24 * HOUR_MS),
    masqueradeScale: masquerade,
    requireEndorsementCertificate: chosen.requireEndorsementCertificate ?? false,
    sessions: {
      idleMs: Math.round((chosen.sessionIdleMinutes ?? 15) * MINUTE_MS),
      lifeMs: Math.round((chosen.sessionHours ?? 8) * HOUR_MS),
    },
    policyKeyAge: {
      maxMs: Math.round((chosen.policyKeyDays ?? 90) * 24 * HOUR_MS),
      refuses: chosen.refuseOverduePolicyKeys ?? false,
    },
    metricsOnHttps: chosen.metricsOnHttps ?? false,
    uploads: uploadLimits(chosen),
  })
}

/** A file's name: from the folder in which the hub was started, whatever becomes of that. */
function namedBy(name: string | undefined): string | undefined {
  return name === undefined || name === '' ? undefined : resolve(name)
}

type ChosenWeight = { readonly points?: number; readonly most?: number; readonly halfLifeMinutes?: number }

/** What is not named stays as it is by default; what only somebody with a credential can cause is no matter of choice. */
function scaleOf(chosen: ConfigurationFile['masquerade'] = {}): Scale {
  const { weights: chosenWeights, ...thresholds } = chosen
  const weights = { ...DEFAULT_SCALE.weights }
  const byKind: ReadonlyMap<string, ChosenWeight | undefined> = new Map(Object.entries(chosenWeights ?? {}))
  for (const kind of FINDING_KINDS) {
    const { halfLifeMinutes, ...counts } = byKind.get(kind) ?? {}
    const halfLife = halfLifeMinutes === undefined ? {} : { halfLifeMs: halfLifeMinutes * MINUTE_MS }
    weights[kind] = { ...weights[kind], ...counts, ...halfLife }
  }
  return { ...DEFAULT_SCALE, ...thresholds, weights }
}

type ChosenLimits = Readonly<Record<string, Partial<OperationLimits> | undefined>>

function limitsOf(chosen: ChosenLimits = {}): Limits {
  const limits: Record<string, OperationLimits> = {}
  for (const operation of OPERATIONS) limits[operation] = { ...DEFAULT_LIMITS[operation], ...chosen[operation] }
  return { ...DEFAULT_LIMITS, ...limits }
}

/**
 * Files are kept until somebody deletes them: what a device has sent it may have sent once. So that they cannot fill the
 * disk, the hub refuses more instead; and no device may take more than its part.
 */
function uploadLimits(chosen: ConfigurationFile): UploadLimits {
  const { uploadRetentionDays: days } = chosen
  return {
    blobBytesMax: chosen.uploadBlobBytes ?? 256 * 1024 ** 2,
    deviceBytesMax: chosen.uploadDeviceBytes ?? 2 * 1024 ** 3,
    totalBytesMax: chosen.uploadTotalBytes ?? 16 * 1024 ** 3,
    retentionMs: days === undefined ? undefined : Math.round(days * 24 * HOUR_MS),
  }
}

interface Options {
  readonly data: string | undefined
  readonly config: string | undefined
  readonly demo: boolean
  readonly passphraseFile: string | undefined
  readonly rootPassphraseFile: string | undefined
  readonly chosen: Record<string, unknown>
}

function readOptions(args: readonly string[], faults: string[]): Options {
  const { values, tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: {
      data: { type: 'string' },
      config: { type: 'string' },
      listen: { type: 'string' },
      hostname: { type: 'string', multiple: true },
      'mqtt-port': { type: 'string' },
      'amqp-port': { type: 'string' },
      'https-port': { type: 'string' },
      'passphrase-file': { type: 'string' },
      'root-passphrase-file': { type: 'string' },
      demo: { type: 'boolean' },
      'log-format': { type: 'string' },
      'log-level': { type: 'string' },
    },
  })
  const known =
    /^(data|config|listen|hostname|mqtt-port|amqp-port|https-port|demo|passphrase-file|root-passphrase-file|log-format|log-level)$/
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`${token.value}: not expected here`)
    if (token.kind !== 'option') continue
    if (!known.test(token.name)) faults.push(`${token.rawName}: no such option`)
    else if (token.name === 'demo') {
      if (token.value !== undefined) faults.push('--demo: takes no value')
    } else if (token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('-'))) {
      // '--data --demo' is a forgotten value, not a folder of that name.
      faults.push(`${token.rawName}: needs a value`)
    }
  }
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const chosen: Record<string, unknown> = {}
  const put = (key: string, value: unknown): void => {
    if (value !== undefined) chosen[key] = value
  }
  const number = (name: string): unknown => {
    const value = text(name)
    // Left as text when it is no number, so that validation names it.
    return value !== undefined && /^\d{1,5}$/.test(value) ? Number(value) : value
  }
  put('listen', text('listen'))
  put('hostnames', values.hostname)
  put('mqttPort', number('mqtt-port'))
  put('amqpPort', number('amqp-port'))
  put('httpsPort', number('https-port'))
  put('logFormat', text('log-format'))
  put('logLevel', text('log-level'))
  return {
    data: text('data'),
    config: text('config'),
    demo: values.demo === true,
    passphraseFile: text('passphrase-file'),
    rootPassphraseFile: namedBy(text('root-passphrase-file')),
    chosen,
  }
}

function readFile(asked: string | undefined, fallback: string, faults: string[]): ConfigurationFile {
  const path = asked ?? fallback
  if (asked === undefined && !existsSync(path)) return {}
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    faults.push(`${path}: ${error instanceof SyntaxError ? `no JSON: ${error.message}` : 'cannot be read'}`)
    return {}
  }
  if (Value.Check(ConfigurationFile, content)) return content
  faults.push(...faultsOf(path, content))
  return {}
}

/** The library tells eight at most unless told otherwise. A file has fewer keys than this; host names may each be wrong. */
const FAULTS_MAX = 1_000

function faultsOf(source: string, content: unknown): string[] {
  const faults: string[] = []
  const { maxErrors } = Diagnostics.Get()
  Diagnostics.Set({ maxErrors: FAULTS_MAX })
  const errors = Value.Errors(ConfigurationFile, content)
  Diagnostics.Set({ maxErrors })
  for (const { keyword, instancePath, message, params } of errors) {
    // An unknown key is told once, by the object that refuses it.
    if (keyword === 'boolean') continue
    const path = instancePath.slice(1).replaceAll('/', '.')
    const which = 'additionalProperties' in params ? `: ${String(params.additionalProperties)}` : ''
    const choices = 'allowedValues' in params ? `: ${String(params.allowedValues)}` : ''
    faults.push(`${source}: ${path === '' ? '' : `${path} `}${message}${which}${choices}`)
  }
  return faults
}
