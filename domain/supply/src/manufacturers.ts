/** Manufacturers whose manifests count, each by one key. All are in memory. */

import type { Clock } from '@holdfast/base'
import { isModelName } from '@holdfast/models'
import { decodePem, keyKindOf, PkiError, readPublicKey } from '@holdfast/pki'
import { SupplyError } from './errors.ts'
import { MANUFACTURERS_MAX } from './limits.ts'
import { digestOf } from './manifest-entry.ts'
import type { Manufacturer, SupplyStore } from './store.ts'

export interface ManufacturersParts {
  readonly store: SupplyStore
  readonly clock: Clock
}

export class Manufacturers {
  readonly #parts: ManufacturersParts
  readonly #manufacturers = new Map<string, Manufacturer>()

  private constructor(parts: ManufacturersParts) {
    this.#parts = parts
  }

  static async open(parts: ManufacturersParts): Promise<Manufacturers> {
    const manufacturers = new Manufacturers(parts)
    for (const one of await parts.store.listManufacturers()) manufacturers.#manufacturers.set(one.name, one)
    return manufacturers
  }

  read(name: string): Manufacturer | undefined {
    return this.#manufacturers.get(name)
  }

  /** By name. */
  list(): readonly Manufacturer[] {
    return [...this.#manufacturers.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * @param publicKey PEM, one block `PUBLIC KEY`.
   * @throws SupplyError `invalid`, `exists`, `too-many`.
   */
  async add(name: string, publicKey: string, actor: string): Promise<Manufacturer> {
    if (!isModelName(name)) {
      throw new SupplyError('invalid', 'a name is 1 to 128 of A-Z a-z 0-9 . _ -, a letter or digit first')
    }
    const spki = keyFrom(publicKey)
    if (this.#manufacturers.size >= MANUFACTURERS_MAX) {
      throw new SupplyError('too-many', `there are at most ${MANUFACTURERS_MAX} manufacturers; remove one first`)
    }
    const at = this.#parts.clock.wall()
    const manufacturer: Manufacturer = { name, publicKey: spki, addedTime: at }
    const outcome = await this.#parts.store.writeManufacturer(manufacturer, {
      type: 'manufacturer.added',
      at,
      subject: `manufacturer/${name}`,
      actor,
      detail: { sha256: digestOf(spki) },
    })
    if (outcome === 'exists') {
      throw new SupplyError('exists', 'a manufacturer has one key; remove it first to give it another')
    }
    this.#manufacturers.set(name, manufacturer)
    return manufacturer
  }

  /** No manifest of its counts from now on; what was imported stays. @throws SupplyError `missing`. */
  async remove(name: string, actor: string): Promise<void> {
    const at = this.#parts.clock.wall()
    const subject = `manufacturer/${name}`
    const removed = { type: 'manufacturer.removed', at, subject, actor, detail: {} } as const
    if (!(await this.#parts.store.deleteManufacturer(name, removed))) {
      throw new SupplyError('missing', 'list the manufacturers for those that exist')
    }
    this.#manufacturers.delete(name)
  }
}

function keyFrom(pem: string): Uint8Array {
  try {
    const [spki, ...more] = decodePem('PUBLIC KEY', pem)
    if (spki === undefined || more.length > 0) throw new SupplyError('invalid', 'hand in exactly one public key')
    keyKindOf(readPublicKey(spki))
    return spki
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    throw new SupplyError('invalid', `the key cannot be used: ${error.message}; hand in PEM of a PUBLIC KEY`, {
      cause: error,
    })
  }
}
