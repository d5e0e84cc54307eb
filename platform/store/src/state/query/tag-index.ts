/**
 * The index of tags: where every tag of every twin stands by its value, kept by triggers, so that no way of writing a
 * twin gets around it. It says which twins may meet a condition; the condition itself is looked at again.
 */

/** Characters of a text that the index tells apart; what is equal up to there is looked at again. */
export const TAG_TEXT_CHARACTERS = 128

/** Bytes of a path that the index knows: tags may be nested so that their paths are far larger than they are. */
export const TAG_PATH_BYTES_MAX = 128

/** How kinds of values stand in the index. */
export const TAG_KIND = { truth: 0, number: 1, text: 2 } as const

/**
 * Rows for the tags of a twin, from json_tree: `fullkey` is its path in SQLite's own form, and a key is a text where
 * the tag stands in an object and a number where it stands in an array, which conditions cannot reach.
 */
function entriesOf(twin: 'NEW' | 'OLD' | 'twin'): string {
  return `SELECT ${twin}.module_id <> '', node.fullkey,
    CASE node.type WHEN 'text' THEN ${TAG_KIND.text} WHEN 'integer' THEN ${TAG_KIND.number} WHEN 'real' THEN ${TAG_KIND.number} ELSE ${TAG_KIND.truth} END,
    CASE node.type WHEN 'text' THEN substr(node.atom, 1, ${TAG_TEXT_CHARACTERS}) WHEN 'integer' THEN CAST(node.atom AS REAL) ELSE node.atom END,
    ${twin}.device_id, ${twin}.module_id
    FROM ${twin === 'twin' ? 'twin, ' : ''}json_tree(${twin}.tags) AS node
    WHERE node.type IN ('true', 'false', 'integer', 'real', 'text') AND typeof(node.key) = 'text'
      AND octet_length(node.fullkey) <= ${TAG_PATH_BYTES_MAX}`
}

const COLUMNS = 'is_module, path, kind, value, device_id, module_id'
const INSERT = `INSERT OR IGNORE INTO tag_value (${COLUMNS})`
const DELETE = `DELETE FROM tag_value WHERE (${COLUMNS}) IN`

/** The migration's statements: the table, what keeps it, and what is there already. */
export const TAG_INDEX: readonly string[] = [
  `CREATE TABLE tag_value (
    is_module INTEGER NOT NULL CHECK (is_module IN (0, 1)),
    path      TEXT NOT NULL,
    kind      INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
    value     ANY NOT NULL,
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    PRIMARY KEY (${COLUMNS})
  ) STRICT, WITHOUT ROWID`,
  `CREATE TRIGGER tag_value_inserted AFTER INSERT ON twin WHEN NEW.tags <> '{}' BEGIN
    ${INSERT} ${entriesOf('NEW')};
  END`,
  `CREATE TRIGGER tag_value_updated AFTER UPDATE OF tags ON twin WHEN OLD.tags <> NEW.tags BEGIN
    ${DELETE} (${entriesOf('OLD')});
    ${INSERT} ${entriesOf('NEW')};
  END`,
  `CREATE TRIGGER tag_value_deleted AFTER DELETE ON twin WHEN OLD.tags <> '{}' BEGIN
    ${DELETE} (${entriesOf('OLD')});
  END`,
  `${INSERT} ${entriesOf('twin')}`,
]
