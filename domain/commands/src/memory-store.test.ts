import { commandStoreContract, MemoryCommandStore } from './testing/index.ts'

commandStoreContract('memory', async () => {
  const store = new MemoryCommandStore()
  return {
    store,
    addIdentity: async (key, generationId) => store.addIdentity(key, generationId),
    deleteIdentity: async (key) => store.deleteIdentity(key),
    close: async () => undefined,
  }
})
