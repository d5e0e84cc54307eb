/** Members of JSON objects, read strictly, with every fault named by its path. */

export type FaultSink = (path: string, message: string) => void

/** Undefined, and a fault, for what is no object or has members that are not known. */
export function membersOf(
  value: unknown,
  path: string,
  known: readonly string[],
  fault: FaultSink,
): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fault(path, 'is not a JSON object')
    return undefined
  }
  const members = new Map(Object.entries(value))
  for (const name of members.keys()) if (!known.includes(name)) fault(`${path}/${pointer(name)}`, 'is not known')
  return members
}

/** A list of at most `itemsMax`; empty, and a fault, for what is none. */
export function itemsOf(value: unknown, path: string, itemsMax: number, fault: FaultSink): readonly unknown[] {
  if (Array.isArray(value) && value.length <= itemsMax) return value
  fault(path, `is a list of at most ${itemsMax}`)
  return []
}

/** Digests in hexadecimal, lower case; those that are none are faults. */
export function digestsOf(
  value: unknown,
  path: string,
  { bytes, itemsMax }: { readonly bytes: number; readonly itemsMax: number },
  fault: FaultSink,
): ReadonlySet<string> {
  const digests = new Set<string>()
  for (const [at, item] of itemsOf(value, path, itemsMax, fault).entries()) {
    if (typeof item === 'string' && item.length === bytes * 2 && /^[0-9a-fA-F]+$/.test(item)) {
      digests.add(item.toLowerCase())
    } else {
      fault(`${path}/${at}`, `is not ${bytes} bytes in hexadecimal`)
    }
  }
  return digests
}

export function textOf(value: unknown, path: string, charactersMax: number, fault: FaultSink): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.length <= charactersMax) return value
  fault(path, `is a text of at most ${charactersMax} characters`)
  return undefined
}

/** A name from a peer, short and escaped as RFC 6901 §3 asks. */
function pointer(name: string): string {
  return name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')
}
