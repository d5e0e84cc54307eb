import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stateContract } from './contract.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys } from './testing.ts'

stateContract('state.db', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-state-'))
  const store = await openStateStore({ file: join(folder, 'state.db'), keys: testKeys(1), random })
  return {
    ports: { identities: store, policies: store, authorities: store, provisioning: store, sessions: store },
    close: async () => {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
})
