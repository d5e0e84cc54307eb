/** What the codes of the domain and of the platform become at this edge. */

import { AccessTokenError, type AccessTokenErrorCode } from '@holdfast/access-tokens'
import { AccessError, type AccessErrorCode } from '@holdfast/authorization'
import { CommandError, type CommandErrorCode } from '@holdfast/commands'
import { CredentialError, type CredentialErrorCode } from '@holdfast/credentials'
import { IdentityError, type IdentityErrorCode } from '@holdfast/identity'
import { ModelError, type ModelErrorCode } from '@holdfast/models'
import { SupplyError, type SupplyErrorCode } from '@holdfast/supply'
import { explainBackup } from '../../backup/refusals.ts'
import { explainPeople } from '../../people/refusals.ts'
import { type Fault, Problem, type ProblemFacts } from '../../core/problem.ts'

type Row = readonly [status: ProblemFacts['status'], title: string]

const IDENTITY: Readonly<Record<IdentityErrorCode, Row>> = {
  invalid: [400, 'a value is not of the form it must have'],
  exists: [409, 'there is one of this name already'],
  missing: [404, 'there is nothing of this name'],
  'device-missing': [404, 'the device does not exist'],
  'etag-mismatch': [412, 'it was changed in the meantime'],
  contended: [409, 'it is being changed by others'],
  'too-many-modules': [409, 'the device has as many modules as it may'],
  'unknown-scope': [400, 'no edge device has this scope'],
  'too-many-authorities': [409, 'there are as many authorities as there may be'],
  'no-keys': [409, 'the identity has no keys'],
  'bad-certificate': [400, 'the certificate cannot be read'],
  'weak-certificate': [400, 'the key of the certificate is too weak'],
  'not-an-authority': [400, 'the certificate is not that of an authority'],
  'authority-known': [409, 'the certificate is registered already'],
  'bad-revocation-list': [400, 'the revocation list does not count'],
  'revocation-list-older': [409, 'there is a newer revocation list already'],
  'too-many-revocation-lists': [409, 'there are as many revocation lists as there may be'],
  'already-verified': [409, 'the authority is verified already'],
  'bad-proof': [400, 'the proof does not hold'],
  rotating: [409, 'a rotation is under way'],
  'slot-in-use': [409, 'the key that would be replaced is in use'],
  'not-rotating': [409, 'no rotation is under way'],
}

const ACCESS: Readonly<Record<AccessErrorCode, Row>> = {
  invalid: [400, 'a name or a place is not of the form it must have'],
  'bad-policy': [400, 'the text of the role is wrong'],
  exists: [409, 'there is one of this name already'],
  missing: [404, 'there is nothing of this name'],
  'in-use': [409, 'something stands in it'],
  'etag-mismatch': [412, 'it was changed in the meantime'],
  'too-many': [409, 'there are as many as there may be'],
  'locks-out': [409, 'nobody could change it back'],
  permanent: [409, 'it stays'],
}

const TOKENS: Readonly<Record<AccessTokenErrorCode, Row>> = {
  invalid: [400, 'a value is not of the form it must have'],
  exists: [409, 'there is a token of this name already'],
  missing: [404, 'there is no such token'],
  'too-many': [409, 'there are as many tokens as there may be'],
  expired: [409, 'the token has expired'],
  'no-former': [409, 'no former secret works beside it'],
}

const MODELS: Readonly<Record<ModelErrorCode, Row>> = {
  invalid: [400, 'the model is not of the form it must have'],
  exists: [409, 'there is a model of this id already'],
  missing: [404, 'there is no model of this id'],
  'etag-mismatch': [412, 'it was changed in the meantime'],
  'in-use': [409, 'something is of this model'],
  'too-many': [409, 'there are as many models as there may be'],
}

const SUPPLY: Readonly<Record<SupplyErrorCode, Row>> = {
  invalid: [400, 'a value is not of the form it must have'],
  missing: [404, 'there is nothing of this name'],
  exists: [409, 'there is one of this name already'],
  'in-use': [409, 'something belongs to it'],
  'too-many': [409, 'there are as many as there may be'],
  'unknown-manufacturer': [404, 'there is no manufacturer of this name'],
  'bad-signature': [400, 'the signature does not hold'],
  'bad-manifest': [400, 'it is no manifest that could be imported'],
  busy: [409, 'something of the kind is under way'],
  'unknown-owner': [404, 'there is no owner of this name'],
  'unknown-code': [404, 'nothing waits for this code'],
  throttled: [429, 'too many codes were wrong'],
  'needs-code': [409, 'the serial number is not enough'],
  'already-claimed': [409, 'the device is claimed already'],
  expired: [409, 'the time to claim it is over'],
  'bad-id': [400, 'this is no registration id'],
  'id-taken': [409, 'the id is taken'],
  'illegal-move': [409, 'the device is not in a state for this'],
  'unknown-model': [404, 'there is no model of this id'],
  'not-of-model': [409, 'the device is not what the model asks'],
  'device-missing': [404, 'the device does not exist'],
  'no-offer': [409, 'no offer waits'],
}

const COMMANDS: Readonly<Record<CommandErrorCode, Row>> = {
  invalid: [400, 'the message is not of the form it must have'],
  'too-large': [413, 'the message is too large'],
  'queue-full': [409, 'as many messages wait for it as may'],
  busy: [503, 'the disk does not take more messages just now'],
  'device-missing': [404, 'the device does not exist'],
  'module-missing': [404, 'the module does not exist'],
}

const CREDENTIALS: Readonly<Record<CredentialErrorCode, Row>> = {
  'bad-request': [400, 'the certification request cannot be read'],
  'weak-key': [400, 'the key is too weak'],
  'key-kind': [400, 'the profile takes no key of this kind'],
  'wrong-name': [403, 'the request is in the name of another'],
  'wrong-subject': [403, 'the request is for another subject'],
  'key-in-use': [409, "the key is another identity's"],
  'key-revoked': [409, 'a certificate for this key was revoked'],
  'identity-missing': [404, 'there is no such device or module'],
  'identity-disabled': [409, 'the identity is disabled'],
  'wrong-authentication': [409, 'the identity does not prove itself by certificates'],
  'profile-missing': [404, 'there is no profile of this name'],
  'profile-closed': [404, 'there is no such profile for this identity'],
  'not-renewable': [409, 'the certificate cannot be renewed'],
  'renewal-stopped': [409, 'the identity gets no certificate just now'],
  'no-issuer': [503, 'no authority of the hub issues just now'],
  busy: [503, 'others change the same just now'],
  missing: [404, 'there is nothing of this name'],
  'already-revoked': [409, 'it is revoked already'],
  'too-many-profiles': [409, 'there are as many profiles as there may be'],
  'profile-in-use': [409, 'this profile stays'],
  invalid: [400, 'a value is not of the form it must have'],
}

/** By the errors' own codes: they may have crossed from another thread, which keeps name and code only. */
const PLATFORM: ReadonlyMap<string, Row & { readonly 2?: string }> = new Map([
  ['StoreUnavailableError STORE_UNAVAILABLE', [503, 'the disk cannot take or give anything just now']],
  ['KeyError unknown-epoch', [404, 'there is no key of this epoch']],
  ['KeyError dropped-epoch', [409, 'the key of this epoch is gone already']],
  ['KeyError current-epoch', [409, 'the key in use cannot be dropped']],
  ['KeyError full', [409, 'there are as many keys as there may be']],
  ['HubCertificateError damaged-or-missing', [409, 'the authority of the hub has ended and issues nothing']],
  ['KeyError unavailable', [503, 'the keys cannot be changed just now']],
])

const ADVICE: ReadonlyMap<string, string> = new Map([
  ['KeyError unknown-epoch', 'list the keys for those that exist'],
  ['KeyError dropped-epoch', 'nothing is left to do'],
  ['KeyError current-epoch', 'rotate first, then drop it'],
  ['KeyError full', 'drop keys of epochs that are not needed any more'],
  ['HubCertificateError damaged-or-missing', "bring the root's key: holdfast ca root use FILE"],
])

/** Of the file system, where no store stands between: certificates are files. */
const DISK_FAULTS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EACCES', 'EPERM'])

function diskProblem(cause: Error): Problem {
  const title = 'the disk cannot take or give anything just now'
  const detail = 'make room in the data folder, and see that it is writable; then try again'
  return new Problem({ status: 503, code: 'disk-unavailable', title, detail }, { cause })
}

/** Where in a text, since JSON has no lines. */
function placed({ line, column, message }: AccessError['faults'][number]): Fault {
  return { path: '/text', message: `line ${line}, column ${column}: ${message}` }
}

/** The refusal that a known error stands for. */
export function explain(error: unknown): Problem | undefined {
  if (error instanceof IdentityError) {
    const [status, title] = IDENTITY[error.code]
    return new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
  if (error instanceof AccessError) {
    const [status, title] = ACCESS[error.code]
    const facts = { status, code: error.code, title, detail: error.message }
    const faults = error.faults.map(placed)
    return new Problem(faults.length === 0 ? facts : { ...facts, faults }, { cause: error })
  }
  if (error instanceof AccessTokenError) {
    const [status, title] = TOKENS[error.code]
    return new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
  if (error instanceof CredentialError) {
    const [status, title] = CREDENTIALS[error.code]
    return new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
  if (error instanceof ModelError) {
    const [status, title] = MODELS[error.code]
    return new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
  if (error instanceof SupplyError) {
    const [status, title] = SUPPLY[error.code]
    return new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
  if (error instanceof CommandError) {
    const [status, title] = COMMANDS[error.code]
    return new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
  const ofBackups = explainBackup(error)
  if (ofBackups !== undefined) return ofBackups
  const ofPeople = explainPeople(error)
  if (ofPeople !== undefined) return ofPeople
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const name = `${error.name} ${error.code}`
  const row = PLATFORM.get(name)
  if (row === undefined) return DISK_FAULTS.has(error.code) ? diskProblem(error) : undefined
  const [status, title] = row
  const code = error.code.toLowerCase().replaceAll('_', '-')
  const detail = ADVICE.get(name) ?? 'try again shortly; the status of the hub says what it waits for'
  return new Problem({ status, code, title, detail }, { cause: error })
}
