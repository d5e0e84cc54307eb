export { fuzzTargets } from './fuzz-targets.ts'
export type { TestBundleOptions } from './test-bundle.ts'
export { TestBundle } from './test-bundle.ts'
