/**
 * What this workstation says of itself: read from the machine, as far as this user may. What cannot be read is unknown,
 * and never passes for on. Linux is read; of other systems only the name is known.
 */

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { platform, release } from 'node:os'
import { promisify } from 'node:util'
import {
  daysBetween,
  isPending,
  lastUpgradeIn,
  nameIn,
  newestOfRpm,
  rootIsEncrypted,
  screenLockOf,
  secureBootOf,
  type Switch,
} from './posture-text.ts'

export interface PostureReport {
  readonly os: string
  readonly patchAgeDays?: number
  readonly diskEncryption: Switch
  readonly screenLock: Switch
  readonly firewall: Switch
  readonly secureBoot: Switch
  readonly antiMalware: Switch
}

const run = promisify(execFile)
/** How long one program may take, in milliseconds, and how much it may say, in bytes. */
const RUN_MS_MAX = 20_000
const OUTPUT_BYTES_MAX = 4 * 1_048_576

const FIREWALLS: readonly string[] = ['ufw', 'firewalld', 'nftables', 'iptables', 'netfilter-persistent']
const SCANNERS: readonly string[] = [
  'clamav-daemon',
  'clamd',
  'clamav-clamonacc',
  'mdatp',
  'falcon-sensor',
  'sophos-spl',
  'esets',
]
const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c'

/** @param now milliseconds since 1970. */
export async function readPosture(now: number): Promise<PostureReport> {
  if (platform() !== 'linux') {
    const unknown = 'unknown'
    const os = `${platform()} ${release()}`.slice(0, 120)
    return {
      os,
      diskEncryption: unknown,
      screenLock: unknown,
      firewall: unknown,
      secureBoot: unknown,
      antiMalware: unknown,
    }
  }
  const [patchAgeDays, diskEncryption, screenLock, firewall, antiMalware] = await Promise.all([
    patchAge(now),
    disks(),
    screenLockNow(),
    anyActive(FIREWALLS),
    anyActive(SCANNERS),
  ])
  const os = (nameIn(text('/etc/os-release') ?? '') ?? `Linux ${release()}`).slice(0, 120)
  const known = { os, diskEncryption, screenLock, firewall, secureBoot: secureBoot(), antiMalware }
  return patchAgeDays === undefined ? known : { ...known, patchAgeDays }
}

/** Where nothing waits to be installed: the age of what is known of updates. Else: since packages were last upgraded. */
async function patchAge(now: number): Promise<number | undefined> {
  const simulated = await output('apt-get', ['--simulate', '--quiet', 'dist-upgrade'])
  if (simulated !== undefined) {
    const lists = newest('/var/lib/apt/lists')
    if (lists === undefined) return undefined
    if (!isPending(simulated)) return daysBetween(lists, now)
    const upgraded = lastUpgradeIn(text('/var/log/dpkg.log') ?? '') ?? lastUpgradeIn(text('/var/log/dpkg.log.1') ?? '')
    return upgraded === undefined ? undefined : daysBetween(upgraded, now)
  }
  const packages = await output('rpm', ['--query', '--all', '--queryformat', '%{INSTALLTIME}\\n'])
  const installed = packages === undefined ? undefined : newestOfRpm(packages)
  return installed === undefined ? undefined : daysBetween(installed, now)
}

async function disks(): Promise<Switch> {
  const tree = await output('lsblk', ['--json', '--output', 'NAME,TYPE,MOUNTPOINTS'])
  return tree === undefined ? 'unknown' : rootIsEncrypted(tree)
}

async function screenLockNow(): Promise<Switch> {
  const enabled = await output('gsettings', ['get', 'org.gnome.desktop.screensaver', 'lock-enabled'])
  const idle = await output('gsettings', ['get', 'org.gnome.desktop.session', 'idle-delay'])
  if (enabled !== undefined && idle !== undefined) return screenLockOf(enabled, idle)
  for (const program of ['kreadconfig6', 'kreadconfig5']) {
    const read = ['--file', 'kscreenlockerrc', '--group', 'Daemon', '--key', 'Autolock', '--default', 'true']
    const autolock = await output(program, read)
    if (autolock !== undefined) return autolock.trim() === 'true' ? 'on' : 'off'
  }
  return 'unknown'
}

/** Whether one of these services runs; unknown where nobody says which do. */
async function anyActive(units: readonly string[]): Promise<Switch> {
  const running = await output('systemctl', [
    'list-units',
    '--type=service',
    '--state=active',
    '--no-legend',
    '--plain',
  ])
  if (running === undefined) return 'unknown'
  const active = new Set(running.split('\n').map((line) => line.trim().split(/\s/)[0]))
  return units.some((unit) => active.has(`${unit}.service`)) ? 'on' : 'off'
}

function secureBoot(): Switch {
  try {
    return secureBootOf(readFileSync(SECURE_BOOT))
  } catch (error) {
    // A machine that was not started by UEFI has none to verify it.
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return isMissing && !exists('/sys/firmware/efi/efivars') ? 'off' : 'unknown'
  }
}

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, [...args], {
      timeout: RUN_MS_MAX,
      maxBuffer: OUTPUT_BYTES_MAX,
      env: { ...process.env, LC_ALL: 'C' },
    })
    return stdout
  } catch {
    return undefined
  }
}

function text(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** When the newest file of a folder was changed, in milliseconds since 1970. */
function newest(folder: string): number | undefined {
  try {
    const times = readdirSync(folder).map((name) => statSync(`${folder}/${name}`).mtimeMs)
    return times.length === 0 ? undefined : Math.max(...times)
  } catch {
    return undefined
  }
}

function exists(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    return false
  }
}
