/**
 * Proofs that an entry is in the log, in the form of C2SP tlog-proof. They are put together here from the tiles that the log
 * shows to everybody, and verified before they are written.
 */

import { decodeLeaf, type Leaf } from '@holdfast/audit'
import {
  ENTRY_BUNDLE_BYTES_MAX,
  NOTE_BYTES_MAX,
  type Hash,
  TILE_BYTES,
  TILE_WIDTH,
  type TlogProof,
  type VerifierKey,
  assembleProof,
  decodeEntryBundle,
  encodeNote,
  formatTilePath,
  leafHash,
  openCheckpoint,
  parseTlogProof,
  planInclusion,
  subtreeOfTile,
  subtreesOf,
  tilePart,
  tileWidth,
  verifyInclusion,
} from '@holdfast/tlog'
import { Failure } from '../failure.ts'
import type { HubClient } from '../hub-client.ts'

export interface ProvenEntry {
  readonly leaf: Leaf
  readonly origin: string
  /** Entries of the log that the proof is about. */
  readonly size: number
  /** Names of witnesses that cosigned it. */
  readonly witnesses: readonly string[]
}

/** @throws Failure when the entry is not signed for yet, or what the hub shows does not prove it. */
export async function proveEntry(hub: HubClient, index: number, key: VerifierKey): Promise<TlogProof> {
  const note = await read(hub, '/tlog/checkpoint', NOTE_BYTES_MAX)
  const { size, root, note: signed } = openCheckpoint(note, { log: key })
  if (index >= size) {
    throw new Failure(
      `entry ${index} is not signed for: the last checkpoint has ${size} entries; try again in a moment`,
      {
        code: 'not-signed',
      },
    )
  }
  const plan = planInclusion(index, size)
  const tiles = new Map<string, Uint8Array>()
  for (const subtree of subtreesOf(plan)) {
    const { level, index: at } = tilePart(subtree)
    if (tiles.has(`${level}/${at}`)) continue
    const path = formatTilePath({ kind: 'tile', level, index: at, width: tileWidth(level, at, size) })
    tiles.set(`${level}/${at}`, await read(hub, `/tlog/${path}`, TILE_BYTES))
  }
  const proof = assembleProof(plan, (subtree): Hash => {
    const part = tilePart(subtree)
    return subtreeOfTile(tiles.get(`${part.level}/${part.index}`) ?? new Uint8Array(), part)
  })
  const bundle = Math.floor(index / TILE_WIDTH)
  const path = formatTilePath({ kind: 'entries', index: bundle, width: tileWidth(0, bundle, size) })
  const entry = decodeEntryBundle(await read(hub, `/tlog/${path}`, ENTRY_BUNDLE_BYTES_MAX))[index % TILE_WIDTH]
  if (entry === undefined || !verifyInclusion({ leaf: leafHash(entry), index, size, root, proof })) {
    throw new Failure(
      `what the hub shows does not prove entry ${index}; 'holdfast audit verify' names what was altered`,
      {
        code: 'audit-broken',
      },
    )
  }
  return { index, proof, note: signed, extra: entry }
}

/**
 * Verifies a proof that stands by itself.
 * @throws TlogError for what is no proof, or whose checkpoint the key did not sign; Failure if it proves nothing.
 */
export function verifyEntryProof(
  bytes: Uint8Array,
  { key, witnesses }: { readonly key: VerifierKey; readonly witnesses: readonly VerifierKey[] },
): ProvenEntry {
  const { index, proof, note, extra } = parseTlogProof(bytes)
  const checkpoint = openCheckpoint(encodeNote(note), { log: key, witnesses })
  const leaf = extra === undefined ? undefined : decodeLeaf(extra)
  const { size, root, origin } = checkpoint
  const isProven =
    origin === key.name &&
    extra !== undefined &&
    leaf?.index === index &&
    verifyInclusion({ leaf: leafHash(extra), index, size, root, proof })
  if (!isProven || leaf === undefined) {
    throw new Failure(`this does not prove that entry ${index} is in the log ${key.name}`, { code: 'audit-broken' })
  }
  const names = checkpoint.signatures.filter(({ at }) => at !== undefined).map((signature) => signature.key.name)
  return { leaf, origin, size, witnesses: names }
}

async function read(hub: HubClient, path: string, bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of await hub.outside.stream(path)) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    if (bytes > bytesMax) throw new Failure(`the hub answered ${path} with too much`, { code: 'garbled' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
