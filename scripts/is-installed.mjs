// Tells by its exit code whether the packages installed in ROOT are those of its lock file: each one's version and hash,
// packages for other machines left out. Plain JavaScript, for it runs on whatever Node (>= 20) the machine has.
//
//   node is-installed.mjs ROOT

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** @param {string} file */
function packagesOf(file) {
  return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages ?? {}))
}

/** @param {any} entry */
function isForThisMachine(entry) {
  const allows = (list, value) => list === undefined || list.includes(value)
  return allows(entry.os, process.platform) && allows(entry.cpu, process.arch)
}

const root = process.argv[2] ?? '.'
let same = true
try {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const found = packagesOf(join(root, 'node_modules/.package-lock.json'))
  for (const [path, entry] of wanted) {
    // Workspaces and the root are the working tree itself; an optional package may be missing by npm's choice (libc).
    if (!path.includes('node_modules/')) continue
    const other = found.get(path)
    if (other === undefined) same &&= entry.optional === true && (!isForThisMachine(entry) || entry.libc !== undefined)
    else
      same &&=
        other.version === entry.version && other.integrity === entry.integrity && other.resolved === entry.resolved
  }
} catch {
  same = false
}
process.exitCode = same ? 0 : 1
