import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Frontier,
  type Hash,
  TILE_WIDTH,
  TileBuilder,
  type TileResource,
  coverOf,
  decodeEntryBundle,
  emptyRoot,
  encodeEntryBundle,
  foldCover,
  formatTilePath,
  hashOfTile,
  leafHash,
  nodeHash,
  parseTilePath,
  partialTiles,
  subtreeOfTile,
  tilePart,
  tileWidth,
} from './index.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hex = (hash: Hash): string => Buffer.from(hash).toString('hex')

/** RFC 6962 §2.1 word by word, as an oracle. */
function treeHash(leaves: readonly Uint8Array[]): Hash {
  const [first] = leaves
  if (first === undefined) return emptyRoot()
  if (leaves.length === 1) return leafHash(first)
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)))
}

test('a frontier has the root of RFC 6962 §2.1 at every size up to 300', () => {
  const frontier = Frontier.empty()
  const leaves: Uint8Array[] = []
  assert.equal(hex(frontier.root()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  for (let at = 0; at < 300; at += 1) {
    leaves.push(text(`leaf ${at}`))
    frontier.append(leafHash(leaves[at] ?? text('')))
    assert.equal(hex(frontier.root()), hex(treeHash(leaves)))
    assert.equal(hex(Frontier.of(frontier.size, frontier.hashes).root()), hex(frontier.root()))
  }
})

test('a frontier of the wrong number of hashes is refused', () => {
  assert.throws(() => Frontier.of(3, [emptyRoot()]), TypeError)
  assert.throws(() => Frontier.of(1, [new Uint8Array(31)]), TypeError)
  assert.throws(() => Frontier.of(-1, []), TypeError)
  assert.throws(() => Frontier.empty().append(new Uint8Array(33)), TypeError)
})

test('the tiles of 70,000 leaves are those of the standard; the builder goes on from them', () => {
  const size = 70_000
  const builder = TileBuilder.empty()
  const frontier = Frontier.empty()
  const full = new Map<string, Uint8Array>()
  for (let at = 0; at < size; at += 1) {
    const leaf = leafHash(text(String(at)))
    frontier.append(leaf)
    for (const tile of builder.append(leaf)) full.set(`${tile.level}/${tile.index}`, tile.bytes)
  }
  assert.equal(hex(builder.root()), hex(frontier.root()))
  assert.equal([...full.keys()].filter((key) => key.startsWith('0/')).length, 273)
  assert.deepEqual(
    [...full.keys()].filter((key) => key.startsWith('1/')),
    ['1/0'],
  )
  assert.deepEqual(partialTiles(size), [
    { level: 0, index: 273, width: 112 },
    { level: 1, index: 1, width: 17 },
    { level: 2, index: 0, width: 1 },
  ])
  const partial = builder.partial()
  assert.deepEqual(
    partial.map(({ level, index, width }) => ({ level, index, width })),
    partialTiles(size),
  )
  const tileOf = (level: number, index: number): Uint8Array => {
    const tile =
      full.get(`${level}/${index}`) ?? partial.find((edge) => edge.level === level && edge.index === index)?.bytes
    assert.ok(tile !== undefined)
    return tile
  }
  const read = (subtree: { level: number; index: number }): Hash => {
    const part = tilePart(subtree)
    return subtreeOfTile(tileOf(part.level, part.index), part)
  }
  assert.equal(hex(foldCover(coverOf(0, size), read)), hex(frontier.root()))
  assert.equal(hex(Frontier.read(size, read).root()), hex(frontier.root()))

  const again = TileBuilder.read(size, ({ level, index }) => tileOf(level, index))
  const copy = builder.clone()
  for (let at = 0; at < 400; at += 1) {
    const leaf = leafHash(text(`more ${at}`))
    frontier.append(leaf)
    assert.deepEqual(again.append(leaf), copy.append(leaf))
  }
  assert.equal(hex(again.root()), hex(frontier.root()))
  assert.deepEqual(again.partial(), copy.partial())
  assert.equal(builder.size, size)
  assert.equal(hex(hashOfTile(tileOf(0, 0), 3)), hex(leafHash(text('3'))))
})

test('a builder goes on from every size about the borders of tiles', () => {
  const sizes = [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, 65_793]
  const builder = TileBuilder.empty()
  const tiles = new Map<string, Uint8Array>()
  for (let at = 0; at <= 65_793; at += 1) {
    if (sizes.includes(at)) {
      const partial = builder.partial()
      const again = TileBuilder.read(at, (tile) => {
        const found = partial.find(({ level, index }) => level === tile.level && index === tile.index)
        assert.equal(found?.width, tile.width)
        return found?.bytes ?? new Uint8Array()
      })
      assert.equal(hex(again.root()), hex(builder.root()))
      assert.deepEqual(again.partial(), builder.partial())
      assert.deepEqual(again.append(leafHash(text('x'))), builder.clone().append(leafHash(text('x'))))
    }
    for (const { level, index, bytes } of builder.append(leafHash(text(String(at)))))
      tiles.set(`${level}/${index}`, bytes)
  }
})

test('paths of tiles: one text for each, as the standard writes it', () => {
  const paths: readonly (readonly [TileResource, string])[] = [
    [{ kind: 'tile', level: 0, index: 0, width: TILE_WIDTH }, 'tile/0/000'],
    [{ kind: 'tile', level: 1, index: 1_234_067, width: TILE_WIDTH }, 'tile/1/x001/x234/067'],
    [{ kind: 'tile', level: 2, index: 5, width: 17 }, 'tile/2/005.p/17'],
    [{ kind: 'entries', index: 1_000, width: 255 }, 'tile/entries/x001/000.p/255'],
  ]
  for (const [resource, path] of paths) {
    assert.equal(formatTilePath(resource), path)
    assert.deepEqual(parseTilePath(path), resource)
  }
  for (const path of [
    '',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/0/x000/000',
    'tile/0/001/000',
    'tile/0/x001/x000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/7/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/000/',
    'tile/0/000\n',
    'tile/entries/x999/x999/x999/x999/x999/999',
    'tile/6/001',
    'tile/data/000',
    '/tile/0/000',
    `tile/0/${'x001/'.repeat(20)}000`,
  ]) {
    assert.equal(parseTilePath(path), undefined, path)
  }
})

test('a tile is as wide as the tree has made it', () => {
  assert.equal(tileWidth(0, 0, 0), 0)
  assert.equal(tileWidth(0, 0, 255), 255)
  assert.equal(tileWidth(0, 0, 70_000), 256)
  assert.equal(tileWidth(1, 0, 256), 1)
  assert.equal(tileWidth(0, 1, 256), 0)
})

test('bundles of entries are read back, and refused when cut', () => {
  const entries = [text(''), text('a'), new Uint8Array(300).fill(7)]
  const bytes = encodeEntryBundle(entries)
  assert.deepEqual(decodeEntryBundle(bytes).map(hex), entries.map(hex))
  for (const length of [1, bytes.length - 1]) {
    assert.throws(() => decodeEntryBundle(bytes.subarray(0, length)), { code: 'bad-bundle' })
  }
  assert.throws(() => decodeEntryBundle(new Uint8Array(2 * 257)), { code: 'bad-bundle' })
  assert.throws(() => encodeEntryBundle([new Uint8Array(65_536)]), RangeError)
})
