/** Shows the hub on stderr: redrawn in place on a terminal, a plain line now and then when piped. */

import type { Api } from '@holdfast/api'
import { hintLines, renderLine, renderStatus, type ViewHints } from './render-status.ts'

const REDRAW_MS = 1_000
const LINE_MS = 5_000
const COLUMNS_DEFAULT = 80
const ROWS_DEFAULT = 24

/** stderr, as far as the view needs it. */
export interface ViewOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

export interface Facts {
  readonly status: Api.Status
  /** Oldest first. */
  readonly events: readonly Api.Event[]
}

export interface StatusView {
  /** Writes a line that stays, above the picture. All else that goes to stderr must come this way. */
  log(line: string): void
  /** Draws a last time, and lets go of the terminal. */
  stop(): Promise<void>
}

/**
 * @param options.read is called every second, or every five when piped; while it fails nothing is drawn. Piped, the
 * hints are written once, at the start.
 */
export function startStatusView(options: {
  readonly output: ViewOutput
  read(): Facts | Promise<Facts>
  readonly hints?: ViewHints
}): StatusView {
  const { output, hints } = options
  const painter = new Painter(output)
  let isReading = false
  const draw = async (): Promise<void> => {
    // A slow answer is not waited for twice.
    if (isReading) return
    isReading = true
    try {
      const { status, events } = await options.read()
      if (output.isTTY === true) painter.paint(renderStatus(status, events, output.columns ?? COLUMNS_DEFAULT, hints))
      else output.write(`${renderLine(status)}\n`)
    } catch {
      // The hub is starting, stopping or busy: the next picture tells.
    } finally {
      isReading = false
    }
  }
  const timer = setInterval(() => void draw(), output.isTTY === true ? REDRAW_MS : LINE_MS)
  timer.unref()
  if (output.isTTY === true) void draw()
  else if (hints !== undefined) output.write(`${hintLines(hints).join('\n')}\n`)
  return {
    log: (line) => painter.above(line),
    async stop() {
      clearInterval(timer)
      await draw()
      painter.release()
    },
  }
}

/** Draws lines over those it drew before. */
export class Painter {
  readonly #output: ViewOutput
  #drawn: readonly string[] = []

  constructor(output: ViewOutput) {
    this.#output = output
  }

  paint(lines: readonly string[]): void {
    // One row less than there are: a picture that scrolls cannot be found again.
    const shown = lines.slice(0, Math.max(1, (this.#output.rows ?? ROWS_DEFAULT) - 1))
    this.#output.write(`${this.#home()}${shown.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`)
    this.#drawn = shown
  }

  /** A line that scrolls away like any other, with the picture below it. */
  above(line: string): void {
    if (this.#drawn.length === 0) {
      this.#output.write(`${line}\n`)
      return
    }
    const picture = this.#drawn.map((it) => `${it}\u001b[K\n`).join('')
    this.#output.write(`${this.#home()}${line}\u001b[K\n${picture}\u001b[J`)
  }

  /** The picture stays where it is; what comes next comes below it. */
  release(): void {
    this.#drawn = []
  }

  #home(): string {
    return this.#drawn.length === 0 ? '' : `\u001b[${this.#drawn.length}A\r`
  }
}
