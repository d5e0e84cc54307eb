export * as Api from './management.ts'
