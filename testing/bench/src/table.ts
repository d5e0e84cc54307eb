import { median } from './median.ts'

/** One line of the result: what was measured, of whom, and how the hub compares. */
export interface Row {
  readonly what: string
  readonly unit: string
  /** By name of the server: one value a round. */
  readonly values: ReadonlyMap<string, readonly number[]>
  /** Seconds of processor that the generator used, by name. */
  readonly generatorCpu?: ReadonlyMap<string, readonly number[]>
  /** Whether more is better; ratios are turned so that above 1 always is. */
  readonly isMoreBetter: boolean
  /** At least this much of each peer, as architecture.md has it. */
  readonly targets?: Readonly<Record<string, number>>
}

const OURS = 'holdfast'

export function formatRow(row: Row): string[] {
  const ours = median(row.values.get(OURS) ?? [])
  const lines = [row.what]
  for (const [name, values] of row.values) {
    const value = median(values)
    const spread = `${format(Math.min(...values))} … ${format(Math.max(...values))}`
    const cpu = row.generatorCpu?.get(name)
    const generator = cpu === undefined ? '' : `  generator ${median(cpu).toFixed(1)} s CPU`
    const ratio = row.isMoreBetter ? ours / value : value / ours
    const target = row.targets?.[name]
    const verdict = target === undefined ? '' : `, target ${target} ${ratio >= target ? 'met' : 'missed'}`
    const comparison = name === OURS ? '' : `  holdfast is ${ratio.toFixed(2)} x${verdict}`
    lines.push(
      `  ${name.padEnd(10)} ${format(value).padStart(10)} ${row.unit}  (${spread}, ${values.length} rounds)${generator}${comparison}`,
    )
  }
  return lines
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2)
}
