/** Keeping secrets out of logs: by the name of the field, and by what a text looks like. */

/** Fields that hold secrets, wherever they stand; in lower case, for names are compared so. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'connectionstring',
  'nonce',
  'passphrase',
  'password',
  'pin',
  'primarykey',
  'privatekey',
  'secondarykey',
  'secret',
  'sharedaccesskey',
  'sharedaccesssignature',
  'sig',
  'signature',
  'symmetrickey',
  'token',
])

export function isSecretField(name: string): boolean {
  return SECRET_FIELDS.has(name.toLowerCase())
}

export const CENSOR = '[redacted]'

/**
 * The secrets of our protocols inside other text (an error's message, a user name, a URL): signatures of shared access
 * tokens, keys of connection strings, private keys. Runs over the finished line, so that no path is forgotten.
 */
export function redactText(line: string): string {
  // Most lines have none of these; one search is cheaper than three replacements.
  if (!/sig=|key=|PRIVATE KEY/i.test(line)) return line
  return line
    .replaceAll(/\b(sig=)[^&;"'\\\s]+/gi, `$1${CENSOR}`)
    .replaceAll(/(SharedAccessKey=)[^;"'\\\s]+/gi, `$1${CENSOR}`)
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?="))/gs, CENSOR)
}
