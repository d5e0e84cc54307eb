/** The shapes of models, manifests, claims and lives. */

export {
  Acceptance,
  HistoryEntry,
  Life,
  ModelAssignment,
  Offered,
  Reason,
  Retirement,
  Tombstone,
  TransferOffer,
} from './lives.ts'
export { Model, ModelDocument } from './models.ts'
export {
  Claim,
  ImportCounts,
  ImportEnd,
  LineReport,
  Manifest,
  Manufacturer,
  ManufacturerCreate,
  Owner,
  OwnerCreate,
  SupplyEntry,
} from './supply.ts'
