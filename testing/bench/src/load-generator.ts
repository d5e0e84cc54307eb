/** Builds and runs `mqload.c`, the load generator: in C, so that on two processors it costs less than what it measures. */

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const SOURCE = join(import.meta.dirname, '..', 'mqload.c')
const FOLDER = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'holdfast')
const BINARY = join(FOLDER, 'mqload')

export interface LoadResult {
  readonly connectsPerSecond: number
  readonly messagesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly generatorCpuSeconds: number
}

/** Compiles it when the source is newer than the binary. */
export function buildLoadGenerator(): void {
  if (existsSync(BINARY) && statSync(BINARY).mtimeMs > statSync(SOURCE).mtimeMs) return
  mkdirSync(FOLDER, { recursive: true })
  execFileSync('cc', ['-O2', '-Wall', '-o', BINARY, SOURCE, '-lssl', '-lcrypto'], { stdio: 'inherit' })
}

/**
 * Runs it to the end.
 * @param whileHolding called once all devices are connected.
 */
export async function runLoad(args: readonly string[], whileHolding?: () => void): Promise<LoadResult> {
  const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
    if (errors.includes('connected ')) whileHolding?.()
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  const numbers =
    /connects\/s (\S+) messages \S+ messages\/s (\S+) p50 (\S+) ms p99 (\S+) ms .* generator-cpu (\S+) s/.exec(output)
  if (code !== 0 || numbers === null) throw new Error(`mqload ended with ${String(code)}: ${errors.slice(-500)}`)
  const [connectsPerSecond = 0, messagesPerSecond = 0, p50Ms = 0, p99Ms = 0, generatorCpuSeconds = 0] = numbers
    .slice(1)
    .map(Number)
  return { connectsPerSecond, messagesPerSecond, p50Ms, p99Ms, generatorCpuSeconds }
}
