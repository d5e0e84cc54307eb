import { DpsError } from './errors.ts'
import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from './limits.ts'

/**
 * `x-ms-max-item-count`: 1 to PAGE_ITEMS_MAX, larger ones cut to it; absent or 0 is the default.
 * @throws DpsError `bad-request`.
 */
export function parsePageSize(text: string | undefined): number {
  if (text === undefined) return PAGE_ITEMS_DEFAULT
  if (!/^[0-9]{1,9}$/.test(text)) throw new DpsError('bad-request', 'x-ms-max-item-count is a whole number.')
  return Math.min(Number(text), PAGE_ITEMS_MAX) || PAGE_ITEMS_DEFAULT
}
