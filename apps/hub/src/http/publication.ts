/**
 * What the hub publishes of its own authority, to anybody: lists of revoked certificates, the authorities' certificates,
 * and OCSP (RFC 6960 appendix A.1). Over HTTPS alone, as everything here; what is published is signed by itself.
 */

import { Hono } from 'hono'
import type { WebApplication } from '@holdfast/node'
import type { Certificate } from '@holdfast/pki'
import type { OcspReply } from '../trust/publication/ocsp-responder.ts'
import { authorityName, OCSP_PATH, PUBLICATION_PATH } from '../trust/publication/publication-address.ts'
import type { PublishedList } from '../trust/publication/revocation-lists.ts'
import type { HttpEnvironment } from './environment.ts'
import { guard, type GuardOptions } from './guard.ts'
import { keepable, withKeeping } from './kept-answers.ts'
import { Problem } from '../core/problem.ts'

export interface PublicationServices extends Pick<GuardOptions, 'failed' | 'events'> {
  readonly clock: NonNullable<GuardOptions['clock']>
  readonly publication: {
    readonly authority: {
      /** Issuing authorities that count, the one that issues first. */
      readonly issuers: readonly Certificate[]
      /** Roots, the one in use first. */
      readonly roots: readonly Certificate[]
      /** DER of the list of a root; undefined: none was issued yet. */
      rootListOf(root: Certificate): Promise<Uint8Array | undefined>
    }
    readonly lists: { list(name: string): PublishedList | undefined }
    readonly ocsp: { answer(der: Uint8Array): Promise<OcspReply> }
  }
}

const PATHS = /^\/\.well-known\/(?:holdfast|ocsp)(?:\/|$)/
/** How long others may keep a list or a certificate without asking again, in seconds: a revocation shows by then. */
const KEEP_SECONDS = 300
/** Names of lists and certificates: `issuing`, `root`, or the identifier of an authority's key. */
const FILE = /^(issuing|root|[0-9a-f]{40,64})\.(crl|crt)$/
/** Characters of a request in a path: base64 of a request with one serial number has some 150. */
const GET_CHARACTERS_MAX = 1_024

export function isPublicationPath(path: string): boolean {
  return PATHS.test(path)
}

export function publicationRoutes(services: PublicationServices): WebApplication {
  const app = new Hono<HttpEnvironment>()
  guard(app, services)
  app.get(`${PUBLICATION_PATH}/:file`, async ({ req }) => {
    const [, name, kind] = FILE.exec(req.param('file')) ?? []
    if (name === undefined || kind === undefined) throw notPublished()
    return kind === 'crl' ? listNamed(services, name) : certificateNamed(services, name)
  })
  app.post(OCSP_PATH, async ({ req }) => {
    if (req.header('content-type')?.split(';')[0]?.trim().toLowerCase() !== 'application/ocsp-request') {
      throw new Problem({
        status: 415,
        code: 'unsupported-media-type',
        title: 'the body is no OCSP request',
        detail: 'send DER as application/ocsp-request',
      })
    }
    // Answers to POST are kept by nobody (RFC 9110 §9.3.3).
    return ocspResponse(await services.publication.ocsp.answer(new Uint8Array(await req.arrayBuffer())), false)
  })
  app.get(`${OCSP_PATH}/*`, async ({ req }) => {
    return ocspResponse(await services.publication.ocsp.answer(requestIn(new URL(req.url).pathname)), true)
  })
  return withKeeping(app)
}

async function listNamed({ publication }: PublicationServices, name: string): Promise<Response> {
  const { issuers, roots } = publication.authority
  const root = name === 'root' ? roots[0] : roots.find((it) => authorityName(it) === name)
  if (root !== undefined) return published(await publication.authority.rootListOf(root), 'application/pkix-crl')
  const issuer = name === 'issuing' ? issuers[0] : issuers.find((it) => authorityName(it) === name)
  const list = issuer && publication.lists.list(authorityName(issuer))
  return published(list?.der, 'application/pkix-crl')
}

async function certificateNamed({ publication }: PublicationServices, name: string): Promise<Response> {
  const { issuers, roots } = publication.authority
  const found =
    name === 'root'
      ? roots[0]
      : name === 'issuing'
        ? issuers[0]
        : [...issuers, ...roots].find((it) => authorityName(it) === name)
  return published(found?.der, 'application/pkix-cert')
}

function published(bytes: Uint8Array | undefined, type: string): Response {
  if (bytes === undefined) throw notPublished()
  const response = new Response(new Uint8Array(bytes), { headers: { 'content-type': type } })
  return keepable(response, `public, max-age=${KEEP_SECONDS}`)
}

function ocspResponse({ der, keepMs }: OcspReply, mayKeep: boolean): Response {
  const seconds = Math.floor(Math.min(keepMs ?? 0, KEEP_SECONDS * 1_000) / 1_000)
  const response = new Response(der, { headers: { 'content-type': 'application/ocsp-response' } })
  if (!mayKeep || seconds <= 0) return response
  return keepable(response, `public, no-transform, must-revalidate, max-age=${seconds}`)
}

/** The request behind the responder's address: base64, with or without the escapes that its slashes need. */
function requestIn(path: string): Uint8Array {
  const text = path.slice(OCSP_PATH.length + 1)
  if (text.length > GET_CHARACTERS_MAX) return new Uint8Array(0)
  try {
    const base64 = decodeURIComponent(text)
    return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? new Uint8Array(Buffer.from(base64, 'base64')) : new Uint8Array(0)
  } catch {
    // A broken escape is a malformed request, and answered as one.
    return new Uint8Array(0)
  }
}

function notPublished(): Problem {
  return new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'nothing is published under this name',
    detail: 'the certificates of devices name what is published of their authority',
  })
}
