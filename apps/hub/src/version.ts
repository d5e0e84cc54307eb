import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Version of this release, as the repository's package.json names it. */
export const VERSION: string = readVersion()

function readVersion(): string {
  const path = join(import.meta.dirname, '..', '..', '..', 'package.json')
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (typeof content === 'object' && content !== null && 'version' in content && typeof content.version === 'string') {
    return content.version
  }
  throw new TypeError('package.json names no version')
}
