import { after } from 'node:test'

/** How long the runner has to hear of the last test, in milliseconds. */
const LINGER_MS = 2_000

/**
 * Ends the process of a test file although the SDK goes on connecting for clients whose connection was cut, closed or
 * not. To be called behind every other `after`.
 */
export function endWithTests(): void {
  after(() => setTimeout(() => process.exit(), LINGER_MS).unref())
}
