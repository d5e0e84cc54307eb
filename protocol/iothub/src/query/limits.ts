/** Every bound of the query language, with unit and reason. Azure documents none of them. */

/** UTF-16 units of a query: a list of a thousand device ids of the usual length fits. */
export const QUERY_CHARACTERS_MAX = 65_536

/** Parentheses, NOT, signs and calls inside one another. Bounds the recursion of whoever walks the tree. */
export const QUERY_DEPTH_MAX = 32

/** Operands and operators of the conditions of one query. Bounds the statement that is made of it. */
export const QUERY_TERMS_MAX = 512

/** Different paths in the condition of one query: each is looked up in every twin, large ones too. */
export const QUERY_PATHS_MAX = 64

/** Values of one list behind IN or NIN. */
export const QUERY_LIST_MAX = 1_000

/** What one query selects; and the paths it groups by. */
export const QUERY_COLUMNS_MAX = 64
export const QUERY_GROUPS_BY_MAX = 8

/** Names of one path: a section of a twin is ten deep, and stands two deep in its document. */
export const QUERY_PATH_MAX = 16

/** UTF-16 units of a name; a key of a twin has at most so many bytes. */
export const QUERY_NAME_CHARACTERS_MAX = 1_024

/** Arguments of CONCAT; the other functions have one to three. */
export const QUERY_ARGUMENTS_MAX = 16

/** The largest n of TOP n. */
export const QUERY_TOP_MAX = 2_147_483_647
