/** Dossiers as the store keeps them: JSON text, read back with the same care as what comes from outside. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import type { DossierRecord } from './dossier.ts'
import { FINDING_KINDS, type Finding } from './finding.ts'
import { DETAIL_CHARACTERS_MAX, FINDINGS_PER_KIND_MAX } from './limits.ts'
import { type CounterState, isCounter } from './rolling-counter.ts'
import { isNonce, type NonceState } from './rolling-nonce.ts'

/** @throws TypeError when the text is no dossier: the store is damaged. */
export function readDossierRecord(text: string): DossierRecord {
  const members = objectOf(JSON.parse(text))
  const findings = members.get('findings')
  if (!Array.isArray(findings) || findings.length > FINDING_KINDS.length * FINDINGS_PER_KIND_MAX) throw damaged()
  const counter = members.get('counter')
  const nonce = members.get('nonce')
  return {
    findings: findings.map(findingOf),
    ...(counter === undefined ? {} : { counter: counterOf(counter) }),
    ...(nonce === undefined ? {} : { nonce: nonceOf(nonce) }),
  }
}

function findingOf(value: unknown): Finding {
  const members = objectOf(value)
  const kind = FINDING_KINDS.find((one) => one === members.get('kind'))
  const detail = members.get('detail')
  if (kind === undefined || typeof detail !== 'string' || detail.length > DETAIL_CHARACTERS_MAX) throw damaged()
  return { kind, at: timeOf(members.get('at')), detail }
}

function counterOf(value: unknown): CounterState {
  const members = objectOf(value)
  const [count, connection] = [members.get('value'), members.get('connection')]
  if (!isCounter(count) || !isCounter(connection)) throw damaged()
  return { value: count, connection }
}

function nonceOf(value: unknown): NonceState {
  const members = objectOf(value)
  const one = (name: keyof NonceState): Partial<Record<keyof NonceState, string>> => {
    const nonce = members.get(name)
    if (nonce === undefined) return {}
    if (!isNonce(nonce)) throw damaged()
    return { [name]: nonce }
  }
  return { ...one('current'), ...one('accepted'), ...one('offer') }
}

function timeOf(value: unknown): Timestamp {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged()
  return timestampOf(value)
}

function objectOf(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged()
  return new Map(Object.entries(value))
}

function damaged(): TypeError {
  return new TypeError('what is stored of an identity is no dossier')
}
