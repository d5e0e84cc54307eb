/**
 * Preloaded into every thread: what was compiled once is not compiled again at the next start. Node does this for the
 * main thread alone when NODE_COMPILE_CACHE is set, as the launcher does.
 */

import { enableCompileCache } from 'node:module'

if (process.env.NODE_COMPILE_CACHE !== undefined) enableCompileCache(process.env.NODE_COMPILE_CACHE)
