/** The log: structured lines on standard error, as JSON or as text. Pino writes them; nobody else sees pino. */

import { pino, type Logger } from 'pino'
import { boundFields, type LogFields } from './log-fields.ts'
import { formatLogText } from './log-text.ts'
import { LOG_HELD_BYTES_MAX } from './limits.ts'
import { redactText } from './redaction.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * Messages are fixed texts that can be searched for; what varies stands in the fields. Writing never throws and never
 * waits: while nobody takes the lines they are held up to 1 MiB, then dropped.
 */
export interface Log {
  trace(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log that writes these fields on every line: `log.child({ thread: 'front-1' })`. */
  child(fields: LogFields): Log
  /** For work that only a log line needs. */
  isEnabled(level: Exclude<LogLevel, 'silent'>): boolean
}

export interface LogOptions {
  readonly format: 'json' | 'text'
  readonly level: LogLevel
  /** Where finished lines go, with their line feed; standard error when absent. */
  readonly write?: (line: string) => void
}

export function createLog(options: LogOptions): Log {
  const write = options.write ?? standardError()
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) => {
        const clean = redactText(line)
        write(options.format === 'json' ? clean : formatLogText(clean))
      },
    },
  )
  return new PinoLog(logger)
}

class PinoLog implements Log {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  trace(message: string, fields: LogFields = {}): void {
    this.#write('trace', message, fields)
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#write('debug', message, fields)
  }

  info(message: string, fields: LogFields = {}): void {
    this.#write('info', message, fields)
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#write('warn', message, fields)
  }

  error(message: string, fields: LogFields = {}): void {
    this.#write('error', message, fields)
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#logger.child(boundFields(fields)))
  }

  isEnabled(level: Exclude<LogLevel, 'silent'>): boolean {
    return this.#logger.isLevelEnabled(level)
  }

  #write(level: Exclude<LogLevel, 'silent'>, message: string, fields: LogFields): void {
    if (!this.#logger.isLevelEnabled(level)) return
    try {
      // The message goes through a field: pino would take `%s` in its own argument for a place to fill.
      this.#logger[level]({ ...boundFields(fields), msg: message })
    } catch {
      // A field whose getter throws, a closed standard error: not worth the work that was being logged.
    }
  }
}

/** Written at once and in this thread: the last line before a crash is the one that matters. */
function standardError(): (line: string) => void {
  const destination = pino.destination({
    dest: 2,
    sync: true,
    maxLength: LOG_HELD_BYTES_MAX,
    // A pipe nobody reads: hold the line and go on, instead of sleeping in the thread that serves devices.
    retryEAGAIN: () => false,
  })
  // Without a listener a closed pipe (`2>&1 | head`) or a full disk behind standard error would end the hub.
  destination.on('error', () => undefined)
  return (line) => destination.write(line)
}
