/** Where a command's result goes: one JSON object a line with `--json`, else text for people. */

import { plain, plainJson } from './plain-text.ts'

/** A writable stream, as far as printing needs it. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string, done?: () => void): boolean
  once(event: 'drain', listener: () => void): unknown
}

export type Column<T> = readonly [title: string, cell: (row: T) => string | number | undefined]

export class Printer {
  readonly isJson: boolean
  readonly output: Output

  constructor(output: Output, isJson: boolean) {
    this.output = output
    this.isJson = isJson
  }

  /** The result of a command: the object with `--json`, the lines otherwise. */
  async result(value: object, lines: readonly string[]): Promise<void> {
    if (this.isJson) await this.#write(plainJson(value))
    else for (const line of lines) await this.#write(plain(line))
  }

  /** One object of a list, as a line of its own. */
  async item(value: object, line: () => string): Promise<void> {
    await this.#write(this.isJson ? plainJson(value) : plain(line()))
  }

  /**
   * Pages of a list as they come. Widths follow the first page; a longer cell later moves its line, and is never cut,
   * for what is printed is copied into the next command.
   */
  async table<T extends object>(
    pages: AsyncIterable<readonly T[]>,
    columns: readonly Column<T>[],
    empty: string,
  ): Promise<void> {
    let widths: readonly number[] | undefined
    for await (const page of pages) {
      if (this.isJson) {
        for (const row of page) await this.#write(plainJson(row))
        continue
      }
      if (page.length === 0) continue
      const rows = page.map((row) => columns.map(([, cell]) => plain(String(cell(row) ?? '-'))))
      if (widths === undefined) {
        const titles = columns.map(([title]) => title)
        widths = titles.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
        await this.#write(aligned(titles, widths))
      }
      for (const row of rows) await this.#write(aligned(row, widths))
    }
    if (!this.isJson && widths === undefined) await this.#write(empty)
  }

  /** Waits for a slow reader, so that a long list piped into `less` does not pile up here. */
  #write(line: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.output.write(`${line}\n`)) resolve()
      else this.output.once('drain', resolve)
    })
  }
}

function aligned(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')
}

/** `1 session was closed in 3 ms`, as every cutting command tells it. */
export function closedSessions(changed: { readonly sessionsClosed: number; readonly milliseconds: number }): string {
  const { sessionsClosed, milliseconds } = changed
  if (sessionsClosed === 0) return 'no session rested on it'
  return `${sessionsClosed} ${sessionsClosed === 1 ? 'session was' : 'sessions were'} closed in ${Math.round(milliseconds * 10) / 10} ms`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1.5 GiB`. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ''}`
}

/** `2 d 3 h`, `5 min 2 s`: the two largest parts. */
export function durationText(seconds: number): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.floor(seconds))
  for (const [size, name] of [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${name}`)
  }
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ')
}
