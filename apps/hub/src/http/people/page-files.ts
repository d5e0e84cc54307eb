/** The pages of people and what belongs to them, read once: there are few, and none changes while the hub runs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, 'pages')

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const

/** Address and file; nothing else of the folder is served. */
const FILES: Readonly<Record<string, string>> = {
  '/enrol': 'enrol.html',
  '/sign-in': 'sign-in.html',
  '/session': 'session.html',
  '/people/people.css': 'people.css',
  '/people/icon.svg': 'icon.svg',
  '/people/enrol.js': 'enrol.js',
  '/people/sign-in.js': 'sign-in.js',
  '/people/session.js': 'session.js',
  '/people/passkey.js': 'passkey.js',
  '/people/page.js': 'page.js',
}

export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

export function readPages(): ReadonlyMap<string, PageFile> {
  return new Map(
    Object.entries(FILES).map(([path, file]) => {
      const ending = file.slice(file.lastIndexOf('.') + 1)
      const type = Object.hasOwn(TYPES, ending) ? TYPES[ending as keyof typeof TYPES] : 'application/octet-stream'
      return [path, { type, bytes: new Uint8Array(readFileSync(join(FOLDER, file))) }]
    }),
  )
}

/**
 * Of pages, in place of what answers bear. Scripts and styles are the hub's own files and nothing inline; no text becomes
 * script or markup (Trusted Types, with no policy that could make some); nobody frames them, and no window of another
 * origin keeps a handle on them.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'permissions-policy':
    'publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()',
}
