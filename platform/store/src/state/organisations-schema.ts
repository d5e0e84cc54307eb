/** The tables of who may do what: organisations and what is in them, roles, who has them, and what they used. */

import type { Timestamp } from '@holdfast/base'

export interface OrganisationTable {
  name: string
  is_first: 0 | 1
  created_time: Timestamp
}

export interface SiteTable {
  organisation: string
  site: string
}

export interface FleetTable {
  /** `organisation/site/fleet`, as devices name it. */
  path: string
  organisation: string
  site: string
  fleet: string
}

export interface RoleTable {
  organisation: string
  name: string
  text: string
  version: number
  etag: string
  updated_time: Timestamp
  updated_by: string
}

export interface RoleVersionTable {
  organisation: string
  name: string
  version: number
  text: string
  updated_time: Timestamp
  updated_by: string
}

export interface AssignmentTable {
  principal: string
  role: string
  /** As `formatNode` of domain/authorization writes it. */
  node: string
  organisation: string
  created_time: Timestamp
  created_by: string
}

export interface AccessUseTable {
  principal: string
  action: string
  /** Days since 1970-01-01 UTC. */
  day: number
  allowed: number
  refused: number
}

export interface OrganisationsSchema {
  organisation: OrganisationTable
  site: SiteTable
  fleet: FleetTable
  access_role: RoleTable
  access_role_version: RoleVersionTable
  access_assignment: AssignmentTable
  access_use: AccessUseTable
}

export const ORGANISATIONS: readonly string[] = [
  `CREATE TABLE organisation (
    name         TEXT NOT NULL PRIMARY KEY,
    is_first     INTEGER NOT NULL CHECK (is_first IN (0, 1)),
    created_time INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // The hub belongs to one.
  `CREATE UNIQUE INDEX organisation_first ON organisation (is_first) WHERE is_first = 1`,
  `CREATE TABLE site (
    organisation TEXT NOT NULL REFERENCES organisation (name) ON DELETE CASCADE,
    site         TEXT NOT NULL,
    PRIMARY KEY (organisation, site)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE fleet (
    path         TEXT NOT NULL PRIMARY KEY,
    organisation TEXT NOT NULL,
    site         TEXT NOT NULL,
    fleet        TEXT NOT NULL,
    FOREIGN KEY (organisation, site) REFERENCES site (organisation, site) ON DELETE CASCADE,
    CHECK (path = organisation || '/' || site || '/' || fleet)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX fleet_by_site ON fleet (organisation, site)`,
  // NULL: where devices stand that were given no other place. A fleet that a device stands in cannot go.
  `ALTER TABLE identity ADD COLUMN fleet TEXT REFERENCES fleet (path)`,
  `CREATE INDEX identity_by_fleet ON identity (fleet) WHERE fleet IS NOT NULL`,
  `CREATE TABLE access_role (
    organisation TEXT NOT NULL REFERENCES organisation (name) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    text         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    etag         TEXT NOT NULL,
    updated_time INTEGER NOT NULL,
    updated_by   TEXT NOT NULL,
    PRIMARY KEY (organisation, name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE access_role_version (
    organisation TEXT NOT NULL REFERENCES organisation (name) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    text         TEXT NOT NULL,
    updated_time INTEGER NOT NULL,
    updated_by   TEXT NOT NULL,
    PRIMARY KEY (organisation, name, version)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE access_assignment (
    principal    TEXT NOT NULL,
    role         TEXT NOT NULL,
    node         TEXT NOT NULL,
    organisation TEXT NOT NULL,
    created_time INTEGER NOT NULL,
    created_by   TEXT NOT NULL,
    PRIMARY KEY (principal, role, node),
    FOREIGN KEY (organisation, role) REFERENCES access_role (organisation, name) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX access_assignment_by_role ON access_assignment (organisation, role)`,
  `CREATE INDEX access_assignment_by_node ON access_assignment (node)`,
  `CREATE TABLE access_use (
    principal TEXT NOT NULL,
    action    TEXT NOT NULL,
    day       INTEGER NOT NULL,
    allowed   INTEGER NOT NULL,
    refused   INTEGER NOT NULL,
    PRIMARY KEY (principal, action, day)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX access_use_by_day ON access_use (day)`,
]
