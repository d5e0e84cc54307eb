import { PAGE_RECORDS_MAX } from './limits.ts'

/** @throws TypeError unless `limit` is 1 to PAGE_RECORDS_MAX: whoever takes it from outside has checked it. */
export function pageLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_RECORDS_MAX) {
    throw new TypeError(`a page has 1 to ${PAGE_RECORDS_MAX} records`)
  }
  return limit
}
