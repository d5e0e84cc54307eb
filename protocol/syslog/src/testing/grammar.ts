/** The grammar of RFC 5424 §6 (ABNF) as an expression, written from the standard and not from our encoder. */

const NAME = '[\\x21\\x23-\\x3c\\x3e-\\x5c\\x5e-\\x7e]{1,32}'
const VALUE = '(?:[^"\\\\\\]]|\\\\["\\\\\\]])*'
const ELEMENT = `\\[${NAME}(?: ${NAME}="${VALUE}")*\\]`

/** Of a whole message, decoded from UTF-8 with its mark. */
export const SYSLOG_MESSAGE = new RegExp(
  `^<(?<pri>0|[1-9][0-9]?|1[0-9]{2})>1 ` +
    '(?<time>[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})) ' +
    '(?<host>[\\x21-\\x7e]{1,255}) (?<app>[\\x21-\\x7e]{1,48}) (?<process>[\\x21-\\x7e]{1,128}) (?<id>[\\x21-\\x7e]{1,32}) ' +
    `(?<data>-|(?:${ELEMENT})+) \\ufeff(?<text>[^\\x00-\\x1f\\x7f]*)$`,
  'u',
)
