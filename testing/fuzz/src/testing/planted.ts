/** Targets with faults put in on purpose: what the fuzzer must find. */

import type { Subject } from '../target.ts'

function subject(name: string, run: (text: string) => void, dictionary: readonly string[] = []): Subject {
  const seeds = [Uint8Array.from(Buffer.from('key=value'))]
  return { name, seeds, run: (bytes) => run(Buffer.from(bytes).toString('latin1')), dictionary, bytesMax: 64 }
}

export const subjects: readonly Subject[] = [
  subject('sound', (text) => {
    if (text.length > 64) throw new Error('an input is longer than asked for')
  }),
  subject('throws', (text) => {
    if (text.includes('%00')) throw new Error('planted')
  }),
  subject(
    'throws-at-word',
    (text) => {
      if (text.includes('open sesame')) throw new Error('planted')
    },
    ['open sesame'],
  ),
  subject('throws-when-cut', (text) => {
    if (text === 'key=') throw new Error('planted')
  }),
  subject('hangs', (text) => {
    while (text.startsWith('=')) if (text === '') break
  }),
]
