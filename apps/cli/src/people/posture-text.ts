/** What programs and files of Linux say of its posture, read from their texts. */

export type Switch = 'on' | 'off' | 'unknown'

const DAY_MS = 86_400_000
/** Levels of a tree of block devices: disk, partition, crypt, volume group, volume, and some to spare. */
const DEPTH_MAX = 16
/** Longest wait until a screen locks by itself, in seconds. */
const IDLE_SECONDS_MAX = 900

/** `PRETTY_NAME` of os-release(5). */
export function nameIn(osRelease: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]
  const name = value
    ?.replace(/^(["'])(.*)\1$/, '$2')
    .replaceAll(/[^\x20-\x7e]/g, '')
    .trim()
  return name === '' ? undefined : name
}

/** Whether `apt-get --simulate dist-upgrade` would install something. */
export function isPending(simulated: string): boolean {
  return /^Inst /m.test(simulated)
}

/** When dpkg.log says that a package was last upgraded, in milliseconds since 1970 (its times are local). */
export function lastUpgradeIn(log: string): number | undefined {
  const upgrades = log.match(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} upgrade /gm)
  const at = upgrades === null ? Number.NaN : Date.parse((upgrades.at(-1) ?? '').slice(0, 19).replace(' ', 'T'))
  return Number.isNaN(at) ? undefined : at
}

/** The newest time of installation, from seconds since 1970, one a line. */
export function newestOfRpm(times: string): number | undefined {
  const seconds = times
    .split('\n')
    .filter((line) => /^\d{1,12}$/.test(line))
    .map(Number)
  return seconds.length === 0 ? undefined : seconds.reduce((a, b) => Math.max(a, b)) * 1_000
}

export function daysBetween(from: number, to: number): number {
  return Math.max(0, Math.floor((to - from) / DAY_MS))
}

/** From `lsblk --json`: whether a layer of dm-crypt is between the disk and `/`. */
export function rootIsEncrypted(json: string): Switch {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return 'unknown'
  }
  const tops: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'blockdevices') : undefined
  const found = search(tops, { isEncrypted: false, depth: 0 })
  // A root on two paths is as safe as the weaker.
  if (found.includes('off')) return 'off'
  return found.includes('on') ? 'on' : 'unknown'
}

function search(
  nodes: unknown,
  { isEncrypted, depth }: { readonly isEncrypted: boolean; readonly depth: number },
): readonly Switch[] {
  if (!Array.isArray(nodes) || depth > DEPTH_MAX) return []
  return nodes.flatMap((node: unknown): readonly Switch[] => {
    if (typeof node !== 'object' || node === null) return []
    const isHere = isEncrypted || Reflect.get(node, 'type') === 'crypt'
    const points: unknown = Reflect.get(node, 'mountpoints')
    const isRoot = Array.isArray(points) && points.includes('/')
    const below = search(Reflect.get(node, 'children'), { isEncrypted: isHere, depth: depth + 1 })
    return isRoot ? [isHere ? 'on' : 'off', ...below] : below
  })
}

/** From GNOME's settings, as gsettings prints them: `true`, `uint32 300`. */
export function screenLockOf(enabled: string, idle: string): Switch {
  if (enabled.trim() !== 'true') return 'off'
  const seconds = Number(/^uint32 (\d{1,9})\s*$/.exec(idle)?.[1] ?? Number.NaN)
  if (Number.isNaN(seconds)) return 'unknown'
  return seconds > 0 && seconds <= IDLE_SECONDS_MAX ? 'on' : 'off'
}

/** Of the UEFI variable `SecureBoot`: four bytes of attributes, then one that is 1 when it is on (UEFI 2.10 §3.3). */
export function secureBootOf(bytes: Uint8Array): Switch {
  if (bytes.length !== 5) return 'unknown'
  return bytes[4] === 1 ? 'on' : 'off'
}
